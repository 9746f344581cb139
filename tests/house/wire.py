"""A client that speaks ASGI to an application, so that what is settled before Django can be tested too."""

from dataclasses import dataclass
from typing import Any

from asgiref.testing import ApplicationCommunicator


@dataclass(frozen=True)
class Answer:
    """A whole response."""

    status: int
    headers: dict[str, str]
    body: bytes


async def ask(
    application: Any,
    path: str = "/sign-in/",
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    chunks: tuple[bytes, ...] = (b"",),
    peer: str = "192.0.2.9",
) -> Answer:
    """Send one request, its body in chunks of unknown total length, and read the whole response."""
    named = {"host": "localhost", **(headers or {})}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        "client": (peer, 5000),
        "server": ("localhost", 80),
    }
    conversation = ApplicationCommunicator(application, scope)
    for index, chunk in enumerate(chunks, 1):
        await conversation.send_input({"type": "http.request", "body": chunk, "more_body": index < len(chunks)})
    start = await conversation.receive_output(5)
    body, more = b"", True
    while more:
        part = await conversation.receive_output(5)
        body, more = body + part.get("body", b""), part.get("more_body", False)
    await conversation.wait(5)
    received = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], received, body)
