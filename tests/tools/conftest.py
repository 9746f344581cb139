"""A workspace, and a context as the runner gives one to a tool."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from agentsite.core.ids import new_id
from tools_app.types import ToolContext
from tools_app.workspaces import remove_workspace, workspace_for


@pytest.fixture
def session_id() -> UUID:
    """A session of Alice's."""
    return new_id()


@pytest.fixture
def workspace(session_id: UUID) -> Iterator[Path]:
    """The session's workspace."""
    yield workspace_for(session_id)
    remove_workspace(session_id)


@pytest.fixture
def heard() -> list[str]:
    """What a tool shows while it runs."""
    return []


@pytest.fixture
def context(session_id: UUID, workspace: Path, heard: list[str]) -> Callable[[], ToolContext]:
    """Makes contexts of consecutive steps."""
    numbers = itertools.count(1)

    def make() -> ToolContext:
        number = next(numbers)
        return ToolContext(
            session_id=session_id,
            run_id=new_id(),
            step_id=UUID(int=number),
            workspace=workspace,
            idempotency_key=f"run:{number}",
            output=heard.append,
        )

    return make
