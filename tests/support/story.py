"""Small pieces that stories share."""

import json

from agents_app.types import ToolRequest


def call(name: str, text: str, seconds: float = 0.0) -> ToolRequest:
    """A call of one of the toolbox's tools."""
    return ToolRequest(f"{name}-{text}", name, json.dumps({"text": text, "seconds": seconds}))
