"""Secrets at rest: Fernet (AES-128-CBC with HMAC-SHA-256), keyed from the site's secret key."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings


class SecretUnreadableError(Exception):
    """The ciphertext was made with another secret key."""


def _fernet() -> Fernet:
    key = hashlib.sha256(b"agentsite.secrets." + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def encrypt(value: str) -> str:
    """The ciphertext of `value`, as ASCII."""
    return _fernet().encrypt(value.encode()).decode()


def decrypt(ciphertext: str) -> str:
    """The value behind `ciphertext`; raises SecretUnreadableError when the site's secret key has changed."""
    try:
        return _fernet().decrypt(ciphertext.encode()).decode()
    except InvalidToken as error:
        raise SecretUnreadableError("The site's secret key has changed since this secret was stored.") from error
