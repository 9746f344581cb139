"""The bare pass-through: ASGI on uvicorn, the openai SDK's object for each chunk, a WebSocket frame for each token.

It stores nothing, knows no users and cannot be reconnected to: what any site on the same parts costs at the very least.
"""

import argparse
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import openai
import uvicorn

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class PassThrough:
    """The application."""

    def __init__(self, model_url: str) -> None:
        self._model = openai.AsyncOpenAI(base_url=model_url, api_key="none", max_retries=0)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer each message of a socket, one after another."""
        if scope["type"] != "websocket":
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        while True:
            event = await receive()
            if event["type"] == "websocket.connect":
                await send({"type": "websocket.accept"})
            elif event["type"] == "websocket.disconnect":
                return
            else:
                await self._answer(json.loads(event["text"])["content"], send)

    async def _answer(self, prompt: str, send: Send) -> None:
        stream = await self._model.chat.completions.create(
            model="scripted", messages=[{"role": "user", "content": prompt}], stream=True
        )
        async for chunk in stream:
            text = chunk.choices[0].delta.content if chunk.choices else None
            if text:
                await send({"type": "websocket.send", "text": json.dumps({"type": "delta", "content": text})})
        await send({"type": "websocket.send", "text": json.dumps({"type": "completed"})})


def main() -> None:
    """`python -m bench.baseline --port P --model-url U`; the server's settings are those of the site."""
    parser = argparse.ArgumentParser(description="A bare pass-through.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model-url", required=True)
    options = parser.parse_args()
    uvicorn.run(
        PassThrough(options.model_url),
        host="127.0.0.1",
        port=options.port,
        http="httptools",
        loop="uvloop",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
