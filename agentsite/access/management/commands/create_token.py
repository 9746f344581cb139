"""`manage.py create_token USER [--days N] [--name TEXT]`: an API token, printed last."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from agentsite.access.models import User
from agentsite.access.services import create_token
from agentsite.core.errors import AppError


class Command(BaseCommand):
    """Make an API token for a user; the last line is its value, which is shown this once."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """The user's name, and how long the token lasts."""
        parser.add_argument("user", metavar="USER", help="the user's name")
        parser.add_argument("--days", type=int, help="days it lasts (default: no end)")
        parser.add_argument("--name", default="", help="what it is for")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it and print it."""
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['user']!r}. Make one with: manage.py createsuperuser")
        try:
            token, value = create_token(user=user, name=options["name"], days=options["days"])
        except AppError as error:
            raise CommandError(error.message) from error
        end = f"until {token.expires_at:%Y-%m-%d %H:%M} UTC" if token.expires_at else "until it is revoked"
        self.stderr.write(f"API token of {user.username}, good {end}. It is shown this once.")
        self.stdout.write(value)
