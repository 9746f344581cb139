"""A program at the JSON socket. Every frame it gets is held to its declaration."""

import json
from typing import Any, cast
from uuid import UUID

from channels.db import database_sync_to_async
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from pydantic import BaseModel

from agentsite.access.models import User
from agentsite.access.services import create_token
from agentsite.access.socket_authentication import SocketAuthentication
from sessions_app.protocol.frames import OUTGOING, frame_type
from sessions_app.routing import websocket_urlpatterns

DECLARED: dict[str, type[BaseModel]] = {frame_type(frame): frame for frame in OUTGOING}
Frame = dict[str, Any]


def sync(function: Any) -> Any:
    """An awaitable form of a function that uses the database."""
    return database_sync_to_async(function, thread_sensitive=False)


def check(frame: Frame) -> Frame:
    """`frame`, which is as it was declared; so is each frame inside it."""
    DECLARED[frame["type"]].model_validate(frame)
    for inner in frame.get("state_messages", ()):
        check(inner)
    return frame


class JsonClient:
    """One connection."""

    def __init__(self, session_id: UUID | str, token: str, after: int | None = None, cookie: str = "") -> None:
        path = f"/api/ws/session/{session_id}" + ("" if after is None else f"?after={after}")
        application = SocketAuthentication(cast("Any", URLRouter(websocket_urlpatterns)))
        headers = [(b"host", b"testserver"), (b"origin", b"http://testserver"), (b"cookie", cookie.encode())]
        if token:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        self.wire = WebsocketCommunicator(cast("Any", application), path, headers=headers)
        self.seq = after or 0

    @classmethod
    async def of(cls, user: User, session_id: UUID | str, after: int | None = None) -> "JsonClient":
        """A connection of `user`, accepted."""
        _, token = await sync(create_token)(user=user)
        client = cls(session_id, token, after)
        await client.open()
        return client

    async def open(self) -> None:
        """Connect; whoever it is, they are accepted first."""
        accepted, _ = await self.wire.connect(timeout=5)
        assert accepted

    async def receive(self) -> Frame:
        """The next frame."""
        frame = check(json.loads(await self.wire.receive_from(5)))
        self.seq = frame.get("seq", self.seq)
        return frame

    async def until(self, type_: str) -> list[Frame]:
        """The frames up to the first one of this type."""
        frames = [await self.receive()]
        while frames[-1]["type"] != type_:
            frames.append(await self.receive())
        return frames

    async def state(self) -> Frame:
        """The greeting of a connection without a cursor."""
        assert (await self.receive())["type"] == "connection_ready"
        return await self.receive()

    async def send(self, **frame: Any) -> None:
        """Send a frame."""
        await self.wire.send_to(json.dumps(frame))

    async def closed(self) -> int:
        """The code that the connection is closed with, after whatever else comes."""
        while True:
            message = await self.wire.receive_output(5)
            if message["type"] == "websocket.close":
                return int(message["code"])

    async def quiet(self) -> bool:
        """Nothing more comes."""
        return await self.wire.receive_nothing()

    async def close(self) -> None:
        """Go away."""
        await self.wire.disconnect()
