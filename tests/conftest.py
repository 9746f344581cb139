"""The cast of the stories, in an environment of their own: a fresh data directory, nothing of the developer's."""

import atexit
import os
import shutil
import tempfile

import django
import pytest
from django.conf import settings

from agentsite.env import declared

for _name in declared():
    os.environ.pop(_name, None)
_data_dir = tempfile.mkdtemp(prefix="agentsite-tests-")
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "agentsite.settings",
    "AGENTSITE_ENV": "development",
    "AGENTSITE_ENV_FILE": os.devnull,
    "AGENTSITE_DATA_DIR": _data_dir,
    "DATABASE_URL": os.environ.get("TEST_DATABASE_URL", ""),
}
django.setup()
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one is slow on purpose

from agentsite.access.models import User  # noqa: E402


@pytest.fixture
def alice(db: None) -> User:
    """The owner of what a story is about."""
    return User.objects.create_user("alice", "alice@example.com", "alice's password")


@pytest.fixture
def bob(db: None) -> User:
    """Signed in, and to see nothing of Alice's."""
    return User.objects.create_user("bob", "bob@example.com", "bob's password")


@pytest.fixture
def operator(db: None) -> User:
    """Runs the site."""
    return User.objects.create_superuser("olga", "olga@example.com", "olga's password")
