"""Reading and writing files of a workspace for tools: bounded, in whole steps, in words that a model can act on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from tools_app import confined_files
from tools_app.sandbox import DEFAULT_LIMITS, measure
from tools_app.types import ToolError
from tools_app.workspaces import OutsideWorkspaceError, names_of

READ_BYTES = 64 * 1024
WRITE_BYTES = 2 * 1024 * 1024
LISTED = 1_000
_CUT = b" [... the line goes on ...]\n"


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of a file: the text, the numbers of the first and last line, and whether there is more."""

    text: str
    first: int
    last: int
    more: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """What is below a directory, a line each; `more` when there was too much to list."""

    lines: list[str]
    more: bool


def read_lines(workspace: Path, path: str, start: int = 1, end: int | None = None) -> Excerpt:
    """At most 64 kB of whole lines from line `start` on. Raises ToolError."""
    with _told_in_words(path):
        file = confined_files.open_file(workspace, _file_names(workspace, path))
    taken: list[bytes] = []
    size, more = 0, False
    with open(file, "rb") as stream:
        for number, line in enumerate(_bounded_lines(stream), start=1):
            if end is not None and number > end:
                break
            if number < start:
                continue
            _refuse_binary(line, path)
            size += len(line)
            if size > READ_BYTES:
                more = True
                break
            taken.append(line)
    return Excerpt(b"".join(taken).decode("utf-8", "replace"), start, start + len(taken) - 1, more)


def _bounded_lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; of one that is too long to be read at once, its beginning."""
    while line := stream.readline(READ_BYTES):
        if len(line) == READ_BYTES and not line.endswith(b"\n"):
            line = line[: READ_BYTES - len(_CUT)] + _CUT
            while (rest := stream.readline(READ_BYTES)) and not rest.endswith(b"\n"):
                continue
        yield line


def read_whole(workspace: Path, path: str) -> str:
    """The text of a file of at most 2 MiB. Raises ToolError."""
    with _told_in_words(path), open(confined_files.open_file(workspace, _file_names(workspace, path)), "rb") as stream:
        content = stream.read(WRITE_BYTES + 1)
    if len(content) > WRITE_BYTES:
        raise ToolError(f"{path} is larger than 2 MiB; use the shell for it.", code="too_large")
    _refuse_binary(content, path)
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ToolError(f"{path} is not UTF-8 text; use the shell for it.", code="not_text") from None


def write_whole(workspace: Path, path: str, content: str) -> None:
    """Put a text of at most 2 MiB at `path`, whole or not at all. Raises ToolError."""
    data = content.encode("utf-8", "replace")
    if len(data) > WRITE_BYTES:
        raise ToolError("A file is written with at most 2 MiB; use the shell for more.", code="too_large")
    names = _file_names(workspace, path)
    usage = measure(workspace, stop_after=DEFAULT_LIMITS.workspace_files)
    full = (
        usage.size_bytes + len(data) > DEFAULT_LIMITS.workspace_bytes or usage.files >= DEFAULT_LIMITS.workspace_files
    )
    if full or len(names) >= confined_files.MAX_DEPTH:
        raise ToolError("The workspace is full. Delete something first.", code="workspace_full")
    with _told_in_words(path):
        confined_files.replace_file(workspace, names, data)


def redact_whole(workspace: Path, path: str, redact: Callable[[str], str]) -> None:
    """Rewrite a file of the site's own with `redact`; one that is gone needs nothing."""
    names = names_of(workspace, path)
    try:
        with open(confined_files.open_file(workspace, names), "rb") as stream:
            content = stream.read()
    except OSError:
        return
    confined_files.replace_file(workspace, names, redact(content.decode("utf-8", "replace")).encode())


def list_below(workspace: Path, path: str) -> Listing:
    """Everything below a directory, with sizes of files. Raises ToolError."""
    names = names_of(workspace, path)
    with _told_in_words(path, kind="directory"):
        confined_files.close(confined_files.open_directory(workspace, names))
    found = list(islice(confined_files.walk(workspace, names), LISTED + 1))
    lines = [_listed(entry) for entry in sorted(found[:LISTED], key=lambda entry: entry.names)]
    return Listing(lines, more=len(found) > LISTED)


def _listed(entry: confined_files.Entry) -> str:
    name = "/".join(entry.names)
    if entry.is_directory:
        return f"{name}/"
    return f"{name} (link)" if entry.is_link else f"{name} ({entry.status.st_size:,} bytes)"


def _file_names(workspace: Path, path: str) -> confined_files.Names:
    names = names_of(workspace, path)
    if not names:
        raise ToolError("Name a file: this is the workspace itself.", code="not_a_file")
    return names


def _refuse_binary(data: bytes, path: str) -> None:
    if b"\0" in data:
        raise ToolError(f"{path} is not a text file; use the shell for it.", code="not_text")


@contextmanager
def _told_in_words(path: str, *, kind: str = "file") -> Iterator[None]:
    """Turn an error of the system into one that says what to do; the system's own text holds the host's paths."""
    try:
        yield
    except FileNotFoundError:
        raise ToolError(f"There is no {kind} {path} in the workspace.", code="not_found") from None
    except confined_files.LinkError:
        raise OutsideWorkspaceError from None
    except (IsADirectoryError, NotADirectoryError, confined_files.NotRegularFileError):
        raise ToolError(f"{path} is not a {kind}.", code=f"not_a_{kind}") from None
    except PermissionError:
        raise ToolError(f"{path} cannot be read or changed: its permissions forbid it.", code="not_permitted") from None
    except OSError as error:
        raise ToolError(f"{path} cannot be used ({error.strerror}).", code="file_error") from None
