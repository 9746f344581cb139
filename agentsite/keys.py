"""The site's secret key: as given, or made once in the data directory."""

import os
import secrets
from pathlib import Path


def secret_key(given: str, data_path: Path) -> str:
    """`given`, or the key in `data_path`, which is made with mode 0600 when there is none."""
    if given:
        return given
    data_path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = data_path / "secret_key"
    if not path.exists():
        _make(path)
    return path.read_text(encoding="ascii").strip()


def _make(path: Path) -> None:
    """Write a whole key beside `path` and link it there: of two processes that start at once, the first wins."""
    draft = path.with_name(f"secret_key.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(64))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
