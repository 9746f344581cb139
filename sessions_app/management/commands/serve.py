"""The whole site in one process, on uvicorn."""

import socket
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from agents_app.services import ensure_defaults
from agentsite.access.firststart import collect_if_needed, is_behind, migrate_if_needed, prepare_first_start
from agentsite.core import faults
from sessions_app.consumers.base import broadcast_restart
from sessions_app.runner import current

FRAME_BYTES = 256 * 1024
GRACE_SECONDS = 1


class SiteServer(uvicorn.Server):
    """Tells what it is when it listens, and says goodbye to its sockets when it stops."""

    def __init__(self, config: uvicorn.Config, greeting: str) -> None:
        super().__init__(config)
        self._greeting = greeting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say where."""
        await super().startup(sockets)
        if self.started:
            print(self._greeting, flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell every open socket that it may come back in a moment."""
        await broadcast_restart()
        await super().shutdown(sockets)


class Command(BaseCommand):
    """`manage.py serve`."""

    help = "Serve the whole site in one process."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen."""
        parser.add_argument("--host", default=settings.AGENTSITE.host)
        parser.add_argument("--port", type=int, default=settings.AGENTSITE.port)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        """Bring the database up to date, start the runtime and serve until told to stop."""
        _prepare()
        greeting = _greeting(f"http://{host}:{port}")
        if settings.AGENTSITE.fault:
            faults.arm_from(settings.AGENTSITE.fault)
        server = SiteServer(_config(host, port), greeting)
        try:
            with suppress(KeyboardInterrupt):  # Ctrl-C is how it is stopped
                server.run()
        finally:
            current.stop_embedded()
        if not server.started:
            raise CommandError(f"{host}:{port} cannot be listened on. Is the site running already? Try PORT=8001.")


def _config(host: str, port: int) -> uvicorn.Config:
    """A peer that answers no ping for 40 s is gone; a frame over the limit closes its socket with 1009."""
    from agentsite.asgi import application

    return uvicorn.Config(
        application,
        host=host,
        port=port,
        http="httptools",
        loop="uvloop",
        ws="websockets-sansio",
        ws_max_size=FRAME_BYTES,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        ws_per_message_deflate=False,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _prepare() -> None:
    if settings.AGENTSITE.production and is_behind():
        raise CommandError("The database is behind this version of the site. Run: manage.py migrate")
    migrate_if_needed()
    collect_if_needed()
    ensure_defaults()


def _greeting(address: str) -> str:
    start = prepare_first_start()
    lines = ["", f"  agentsite is at {address}"]
    if start.created_admin:
        lines.append("  It made the administrator “admin”.")
    if start.link:
        lines += [f"  Sign in (once, within 15 minutes): {address}{start.link}"]
    lines += ["  Add people: the admin's Users page, or manage.py createsuperuser", "  Stop: Ctrl-C", ""]
    return "\n".join(lines)
