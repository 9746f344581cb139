"""The answer that the model server writes and the driver expects: tokens that carry their own number."""

import re

TOKEN_LENGTH = 6
MOST_TOKENS = 10_000
TOKEN = re.compile(r"w\d{4}")
_PROMPT = re.compile(r"key=(\S+) tokens=(\d+) rate=([\d.]+)")


def token(index: int) -> str:
    """The token with this number; a line has twenty."""
    return f"w{index:04d}{' ' if (index + 1) % 20 else chr(10)}"


def answer(tokens: int) -> str:
    """The whole answer of so many tokens."""
    return "".join(map(token, range(tokens)))


def prompt(key: str, tokens: int, rate: float) -> str:
    """What to ask for so many tokens at so many a second; rate 0 is as fast as they are taken."""
    return f"Please write: key={key} tokens={tokens} rate={rate:g}"


def read_prompt(text: str) -> tuple[str, int, float]:
    """Key, tokens and rate of a prompt; of any other a short answer."""
    found = _PROMPT.search(text)
    if found is None:
        return "", 20, 50.0
    return found[1], min(int(found[2]), MOST_TOKENS), float(found[3])
