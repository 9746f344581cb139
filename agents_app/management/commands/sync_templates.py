"""Writes a row for each template version that has none yet."""

from typing import Any

from django.core.management.base import BaseCommand

from agents_app.services import sync_templates


class Command(BaseCommand):
    """`manage.py sync_templates`."""

    help = "Write a row for each version of a template that has none yet."

    def handle(self, *args: Any, **options: Any) -> None:
        """Say what is new."""
        made = sync_templates()
        for row in made:
            self.stdout.write(f"{row.key} {row.version}")
        if not made:
            self.stdout.write("Nothing new.")
