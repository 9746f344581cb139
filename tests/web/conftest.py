"""Browsers of the cast, without a browser."""

import pytest
from django.test import Client

from agentsite.access.models import User
from tests.support.scribe import Scribe


def signed_in(user: User) -> Client:
    """A browser in which `user` is signed in."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def scribe(alice: User) -> Scribe:
    """Alice has said hello, and a run has begun."""
    return Scribe.begin(alice)


@pytest.fixture
def browser(alice: User) -> Client:
    """Alice's browser."""
    return signed_in(alice)


@pytest.fixture
def strange_browser(bob: User) -> Client:
    """Bob's browser."""
    return signed_in(bob)
