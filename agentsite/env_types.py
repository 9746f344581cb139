"""The kinds of values that variables have."""

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

Network = IPv4Network | IPv6Network


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _origin(value: str) -> str:
    origin = value.lower()
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.hostname.startswith("."):
        raise ValueError("not an origin")
    if f"{parts.scheme}://{parts.netloc}" != origin or "@" in origin or "*" in origin:
        raise ValueError("not an origin")
    return origin


def _address(value: str) -> str:
    parts = urlsplit(value)
    if value and not (parts.scheme in ("http", "https") and parts.hostname):
        raise ValueError("not an address")
    return value


def _with_scheme(*schemes: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value and urlsplit(value).scheme not in schemes:
            raise ValueError("wrong scheme")
        return value

    return check


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Origins = Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], NoDecode, BeforeValidator(_split)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_split)]
Address = Annotated[str, AfterValidator(_address)]
DatabaseUrl = Annotated[str, AfterValidator(_with_scheme("postgres", "postgresql", "sqlite"))]
RedisUrl = Annotated[str, AfterValidator(_with_scheme("redis", "rediss", "unix"))]
MailUrl = Annotated[str, AfterValidator(_with_scheme("smtp", "smtps"))]
