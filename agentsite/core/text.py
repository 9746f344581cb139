"""Text on the wire: offsets are UTF-16 code units, as JavaScript counts them."""

import re
from typing import Any

_LONE = re.compile("[\ud800-\udfff\x00]")
_HIGH = ("\ud800", "\udbff")


def utf16_length(text: str) -> int:
    """The length of `text` in UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf16_slice(text: str, start: int, end: int | None = None) -> str:
    """`text[start:end]` counted in UTF-16 code units; a pair cut in half becomes U+FFFD."""
    if text.isascii():
        return text[start:end]
    units = text.encode("utf-16-le", "surrogatepass")
    return units[2 * start : None if end is None else 2 * end].decode("utf-16-le", "replace")


def clean_text(text: str, held: str = "") -> tuple[str, str]:
    """Join `held` and `text` and return what may be stored, and a trailing high surrogate to hold back.

    Surrogate pairs become one character; lone surrogates and NUL become U+FFFD.
    """
    if not held and text.isascii() and "\x00" not in text:
        return text, ""
    joined = held + text
    keep = joined[-1] if joined and _HIGH[0] <= joined[-1] <= _HIGH[1] else ""
    whole = joined[: len(joined) - len(keep)]
    paired = whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _LONE.sub("\ufffd", paired), keep


def clean_json(value: Any) -> Any:
    """JSON that any database can store: no NUL and no half of a surrogate pair in its texts."""
    if isinstance(value, str):
        text, half = clean_text(value)
        return text + "\ufffd" * len(half)
    if isinstance(value, list):
        return [clean_json(each) for each in value]
    if isinstance(value, dict):
        return {clean_json(name): clean_json(each) for name, each in value.items()}
    return value
