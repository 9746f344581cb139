"""Files beneath a directory that hostile code may change at any moment: no symbolic link is ever followed.

Every path is a tuple of names below a root the server trusts. Each name is opened relative to the directory before it
with O_NOFOLLOW, so a link put there between a check and its use is an error, never a way out.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

Names = tuple[str, ...]
MAX_DEPTH = 64
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_HANDLE = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class NotRegularFileError(OSError):
    """It is a pipe, a socket, a device or a directory: opening it could block or do something."""


class LinkError(OSError):
    """A symbolic link stands where a file or directory was expected."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing below the root. What is in a directory that is too deep is not walked."""

    names: Names
    status: os.stat_result

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory itself, not a link to one."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.status.st_mode)

    @property
    def is_too_deep(self) -> bool:
        """Whether it is nested deeper than anything honest."""
        return len(self.names) >= MAX_DEPTH


def open_directory(root: Path, names: Names = (), *, create: bool = False) -> int:
    """A descriptor of the directory `names` below `root`; with `create`, missing ones are made as the root's owner."""
    current = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    owner = os.fstat(current)
    try:
        for name in names:
            if create:
                _make_directory(current, name, owner)
            following = _open(name, _DIRECTORY, current)
            os.close(current)
            current = following
    except BaseException:
        os.close(current)
        raise
    return current


def open_file(root: Path, names: Names) -> int:
    """A descriptor for reading the regular file `names` below `root`. Raises NotRegularFileError for anything else."""
    directory = open_directory(root, names[:-1])
    try:
        file = _open(names[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, directory)
    finally:
        os.close(directory)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise NotRegularFileError(f"{'/'.join(names)} is not a regular file")
    return file


def close(descriptor: int) -> None:
    """Close what a function of this module opened."""
    os.close(descriptor)


def create_file(root: Path, names: Names) -> int:
    """A descriptor for writing a new file at `names`; what stood there before is unlinked first, never opened."""
    directory = open_directory(root, names[:-1], create=True)
    try:
        try:
            os.unlink(names[-1], dir_fd=directory)
        except FileNotFoundError:
            pass
        return _create(directory, names[-1], 0o644)
    finally:
        os.close(directory)


def replace_file(root: Path, names: Names, content: bytes) -> None:
    """Put `content` at `names` in one step: a reader sees the old file or the new one. Keeps the old one's mode."""
    directory = open_directory(root, names[:-1], create=True)
    temporary = f".{uuid4().hex}.tmp"
    try:
        file = _create(directory, temporary, _mode_of(directory, names[-1]))
        try:
            with open(file, "wb") as stream:
                stream.write(content)
            os.rename(temporary, names[-1], src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            os.unlink(temporary, dir_fd=directory)
            raise
    finally:
        os.close(directory)


def walk(root: Path, start: Names = ()) -> Iterator[Entry]:
    """Everything below `start`, directory after directory; lazily, so that whoever has seen enough can stop."""
    pending = [start]
    while pending:
        names = pending.pop()
        for entry in _entries(root, names):
            if entry.is_directory and not entry.is_too_deep:
                pending.append(entry.names)
            yield entry


def _entries(root: Path, names: Names) -> Iterator[Entry]:
    """What is in one directory; nothing when it is gone, and without what goes meanwhile."""
    with suppress(OSError):
        directory = _open_even_if_locked(root, names)
        try:
            with os.scandir(directory) as found:
                for item in found:
                    with suppress(OSError):
                        yield Entry((*names, item.name), item.stat(follow_symlinks=False))
        finally:
            os.close(directory)


def _open_even_if_locked(root: Path, names: Names) -> int:
    """Open a directory; one whose owner took his own rights away (to hide what is in it) gets them back."""
    try:
        directory = open_directory(root, names)
    except PermissionError:
        for depth in range(1, len(names) + 1):
            _unlock(root, names[:depth])
        directory = open_directory(root, names)
    if not os.fstat(directory).st_mode & stat.S_IXUSR:
        os.fchmod(directory, 0o700)
    return directory


def _unlock(root: Path, names: Names) -> None:
    parent = open_directory(root, names[:-1])
    try:
        handle = os.open(names[-1], _HANDLE, dir_fd=parent)
    finally:
        os.close(parent)
    try:
        mode = stat.S_IMODE(os.fstat(handle).st_mode)
        if mode & 0o700 != 0o700:
            os.chmod(f"/proc/self/fd/{handle}", mode | 0o700)
    finally:
        os.close(handle)


def _open(name: str, flags: int, directory: int) -> int:
    try:
        return os.open(name, flags, dir_fd=directory)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and _is_link(name, directory):
            raise LinkError(error.errno, "a symbolic link") from None
        if error.errno == errno.ENXIO:  # a socket, or a pipe without a reader
            raise NotRegularFileError(error.errno, "not a regular file") from None
        raise


def _is_link(name: str, directory: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _make_directory(parent: int, name: str, owner: os.stat_result) -> None:
    try:
        os.mkdir(name, 0o755, dir_fd=parent)
    except FileExistsError:
        return
    if os.geteuid() == 0:
        os.chown(name, owner.st_uid, owner.st_gid, dir_fd=parent, follow_symlinks=False)


def _create(directory: int, name: str, mode: int) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(name, flags, 0o600, dir_fd=directory)
    owner = os.fstat(directory)
    if os.geteuid() == 0:
        os.fchown(file, owner.st_uid, owner.st_gid)
    os.fchmod(file, mode)
    return file


def _mode_of(directory: int, name: str) -> int:
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return 0o644
    return stat.S_IMODE(status.st_mode) & 0o777 if stat.S_ISREG(status.st_mode) else 0o644
