"""Programs at the REST API."""

import pytest
from django.test import Client

from agentsite.access.models import User
from agentsite.access.services import create_token
from tests.support.scribe import Scribe, idle_agent


def program(user: User) -> Client:
    """A client with an API token of `user`."""
    _, token = create_token(user=user)
    return Client(headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def api(alice: User) -> Client:
    """Alice's program. Nobody executes what it starts."""
    idle_agent()
    return program(alice)


@pytest.fixture
def bobs(bob: User) -> Client:
    """Bob's program."""
    return program(bob)


@pytest.fixture
def operators(operator: User) -> Client:
    """The operator's program."""
    return program(operator)


@pytest.fixture
def scribe(alice: User) -> Scribe:
    """Alice has said hello, and a run has begun."""
    return Scribe.begin(alice)
