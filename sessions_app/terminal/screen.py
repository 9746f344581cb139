"""A terminal: the answer goes to stdout, all else to stderr, and nothing that a model wrote can steer it."""

import getpass
import re
from collections.abc import Callable
from typing import TextIO

from django.core.management.base import OutputWrapper

# Control characters could move the cursor and overwrite what a person is about to approve; so could marks that turn
# the direction of writing.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """`text` with everything that could steer a terminal made visible."""
    return _STEERING.sub(lambda found: ascii(found[0])[1:-1], text.replace("\r\n", "\n"))


class Screen:
    """Writes and asks; `read_secret` reads without showing what is typed."""

    def __init__(
        self,
        stdin: TextIO,
        stdout: OutputWrapper,
        stderr: OutputWrapper,
        *,
        read_secret: Callable[[str], str] = getpass.getpass,
    ) -> None:
        self._stdin = stdin
        self._stdout = stdout
        self._stderr = stderr
        self._read_secret = read_secret
        self._is_mid_line = False

    @property
    def has_person(self) -> bool:
        """Whether somebody can be asked."""
        return self._stdin.isatty()

    def write(self, text: str) -> None:
        """A piece of the answer."""
        if text:
            self._stdout.write(printable(text), ending="")
            self._stdout.flush()
            self._is_mid_line = not text.endswith("\n")

    def end_line(self) -> None:
        """Begin a new line where the answer stands in the middle of one."""
        if self._is_mid_line:
            self.write("\n")

    def note(self, line: str) -> None:
        """A line beside the answer."""
        if self._stdout.isatty():
            self.end_line()
        self._put(f"{printable(line)}\n")

    def ask(self, prompt: str) -> str:
        """A line that the person types. Raises EOFError when nothing more will come."""
        self._put(f"{printable(prompt)} ")
        line = self._stdin.readline()
        if not line:
            self._put("\n")
            raise EOFError
        return line.rstrip("\r\n")

    def ask_secret(self, prompt: str) -> str:
        """A line that is not shown while it is typed. Raises EOFError."""
        return self._read_secret(f"{printable(prompt)} ")

    def _put(self, text: str) -> None:
        self._stderr.write(text, style_func=str, ending="")
        self._stderr.flush()
