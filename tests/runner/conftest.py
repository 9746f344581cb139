"""A site that executes, for every story of the runner."""

from collections.abc import Iterator

import pytest

from agentsite.access.models import User
from sessions_app.models import Session
from sessions_app.runner.runtime import Runtime
from tests.support.model_server import ModelServer
from tests.support.site import Site, check_journal, use_model


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """The scripted model server."""
    with ModelServer() as server:
        yield server


@pytest.fixture
def site(transactional_db: None, alice: User, model: ModelServer) -> Iterator[Site]:
    """Alice's site; at its end every session's journal folds to what the rows say."""
    use_model(model)
    runtime = Runtime().start()
    try:
        yield Site(runtime, model, alice)
    finally:
        runtime.stop()
    for session in Session.objects.all():
        check_journal(session.id)
