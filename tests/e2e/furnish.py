"""`python -m tests.e2e.furnish`, in a site's environment: its tables and its cast; prints their session cookies."""

import json
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentsite.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.test import Client  # noqa: E402

from agentsite.access.firststart import migrate_if_needed  # noqa: E402
from agentsite.access.models import User  # noqa: E402


def main() -> None:
    """Alice operates the site and owns what the stories are about; Bob is signed in and must see nothing of it."""
    migrate_if_needed()
    alice = User.objects.create_superuser("alice", "alice@example.com", "alice's password")
    bob = User.objects.create_user("bob", "bob@example.com", "bob's password")
    print(json.dumps({user.get_username(): _cookie(user) for user in (alice, bob)}))


def _cookie(user: User) -> str:
    browser = Client()
    browser.force_login(user)
    return str(browser.cookies[settings.SESSION_COOKIE_NAME].value)


if __name__ == "__main__":
    main()
