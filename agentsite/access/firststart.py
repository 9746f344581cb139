"""What a site needs before it serves: its tables, its static files, an administrator, and a way in."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

from agentsite.access.models import User
from agentsite.access.services import create_sign_in_link


@dataclass(frozen=True)
class FirstStart:
    """Whether an administrator was made, and the path of a one-time sign-in link; links are for development only."""

    created_admin: bool
    link: str | None


def is_behind() -> bool:
    """Whether the database's tables are older than the code."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def migrate_if_needed() -> bool:
    """Bring the database's tables up to date; whether there was something to do."""
    if not is_behind():
        return False
    call_command("migrate", verbosity=0, interactive=False)
    return True


def collect_if_needed() -> bool:
    """In production, give static files names with hashes when one of them is newer than the last time."""
    if not settings.AGENTSITE.production:
        return False
    manifest = Path(str(settings.STATIC_ROOT)) / "staticfiles.json"
    sources = [Path(storage.path(name)) for finder in get_finders() for name, storage in finder.list([])]
    if manifest.exists() and manifest.stat().st_mtime >= max(source.stat().st_mtime for source in sources):
        return False
    call_command("collectstatic", verbosity=0, interactive=False)
    return True


def prepare_first_start() -> FirstStart:
    """Make the administrator `admin`, without a password, when there is no user; a link for the first administrator."""
    created = False
    if not User.objects.exists():
        fields = {"is_staff": True, "is_superuser": True, "password": "!"}
        _, created = User.objects.get_or_create(username="admin", defaults=fields)
    return FirstStart(created_admin=created, link=None if settings.AGENTSITE.production else _link())


def _link() -> str | None:
    """A path that signs the first administrator in, once."""
    admin = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    return reverse("sign-in-link", args=[create_sign_in_link(user=admin)]) if admin else None
