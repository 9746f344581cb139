"""What sockets of a session share: who may open one, how many, how large a frame, and the way from reader to client.

Dead peers: the server pings every 20 s and drops who has not answered 20 s later (`serve` sets uvicorn so, daphne does
it by itself), so nothing is sent from here to find out.
"""

import asyncio
import logging
from functools import partial
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer

from agentsite.core.errors import NotFoundError
from agentsite.core.reading import command_in_database
from sessions_app import connections
from sessions_app.connections import broadcast_restart
from sessions_app.fold import State
from sessions_app.reader import Item, Reader
from sessions_app.selectors.conversations import get_session

__all__ = ["FRAME_BYTES", "Close", "SessionSocket", "broadcast_restart", "in_thread"]

FRAME_BYTES = 256 * 1024
logger = logging.getLogger(__name__)


class Close:
    """Close codes. A server that may not send one below 3000 (daphne) sends 3000 more: 4009, 4011, 4012."""

    TOO_LARGE = 1009
    FAILED = 1011
    RESTARTING = 1012
    SIGNED_OUT = 4401
    NOT_FOUND = 4404
    TOO_MANY = 4429


def in_thread(function: Any) -> Any:
    """An awaitable form of a database function, on a thread that is not the one all of Django shares."""
    return partial(command_in_database, function)


class SessionSocket(AsyncWebsocketConsumer):
    """A socket that follows one session of its user from `?after=`.

    A subclass says what is sent (`opened`, `show`, `say_restarting`) and takes what comes (`take`).
    """

    session_id: UUID
    after: int | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gone = False
        self._connection: connections.Connection | None = None
        self._following: asyncio.Task[None] | None = None

    async def opened(self, state: State | None) -> None:
        """The reader has begun: with a snapshot, or at the client's cursor (None)."""

    async def show(self, items: list[Item]) -> None:
        """Send what came."""
        raise NotImplementedError

    async def take(self, text: str) -> None:
        """A text frame of the client, within the limit."""

    async def say_restarting(self) -> None:
        """Tell the client that the server restarts."""

    async def connect(self) -> None:
        """Accept, and only then say no: a stranger learns nothing from the handshake."""
        await self.accept()
        refusal = await self._enter()
        if refusal:
            await self.hang_up(refusal)
        elif not self.gone:
            self._following = asyncio.create_task(self._follow())

    async def disconnect(self, code: int) -> None:
        """The client is gone."""
        self.gone = True
        self._let_go()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take a frame within the limit; one that is not text is as unreadable as an empty one."""
        if self.gone:
            return
        if _size(text_data, bytes_data) > FRAME_BYTES:
            await self.hang_up(Close.TOO_LARGE)
            return
        await self.take(text_data or "")

    async def send_text(self, text: str) -> None:
        """Send a frame unless the client is gone."""
        if not self.gone:
            await self.send(text_data=text)

    async def hang_up(self, code: int) -> None:
        """Close with `code`, once."""
        if self.gone:
            return
        self.gone = True
        self._let_go()
        try:
            await self.close(code)
        except OSError:
            logger.debug("The client was gone before it could be told %s.", code)
        except Exception:  # noqa: BLE001 daphne refuses to send a code below 3000 with a bare Exception
            await self.close(code + 3000)

    async def leave(self) -> None:
        """The server restarts."""
        await self.say_restarting()
        await self.hang_up(Close.RESTARTING)

    def _let_go(self) -> None:
        connections.release(self._connection)
        if self._following is not None and self._following is not asyncio.current_task():
            self._following.cancel()

    async def _enter(self) -> int | None:
        """Find the session and a place for this connection; else the code to close with."""
        user: Any = self.scope.get("user")
        session_id = _session_id(self.scope)
        if not isinstance(getattr(user, "pk", None), int) or session_id is None:
            return Close.NOT_FOUND
        try:
            await in_thread(get_session)(user, session_id)
        except NotFoundError:
            return Close.NOT_FOUND
        self.session_id = session_id
        self.after = _after(self.scope)
        self._connection = connections.admit(user.pk, self.leave)
        return None if self._connection else Close.TOO_MANY

    async def _follow(self) -> None:
        reader = Reader(self.session_id)
        try:
            await self.opened(await reader.start(self.after))
            while not self.gone:
                await self.show(await reader.items())
                await asyncio.sleep(0)  # a send need not yield
        except NotFoundError:
            await self.hang_up(Close.NOT_FOUND)
        except OSError:
            logger.debug("A client went away while something was sent to it.")
        except Exception:
            logger.exception("A socket failed.")
            await self.hang_up(Close.FAILED)
        finally:
            reader.close()


def _session_id(scope: Any) -> UUID | None:
    try:
        return UUID(scope["url_route"]["kwargs"]["session_id"])
    except ValueError:
        return None


def _after(scope: Any) -> int | None:
    """The client's cursor; one that is no number is answered with a snapshot, like any other that cannot be used."""
    value = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("after", [""])[0]
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None


def _size(text: str | None, data: bytes | None) -> int:
    if text is None:
        return len(data or b"")
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
