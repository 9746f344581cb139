"""The operator's desk: a browser in which the admin is open."""

import pytest
from django.test import Client

from agentsite.access.models import User
from tests.support.scribe import Scribe


@pytest.fixture
def desk(operator: User) -> Client:
    """The operator's browser."""
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def scribe(alice: User) -> Scribe:
    """Alice has said hello, and a run has begun."""
    return Scribe.begin(alice)
