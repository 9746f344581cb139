"""The output of a command as HTML: colours and emphasis become classes, every other escape is shown and not obeyed.

A terminal keeps its style from one piece of output to the next, so that live tails and the whole look the same.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from django.utils.html import escape
from django.utils.safestring import SafeString

COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
GREY = 250
_STYLE = re.compile(r"\x1b\[([0-9;]{0,60})m")
_UNFINISHED = re.compile(r"(?:\r|\x1b(?:\[[0-9;]{0,60})?)\Z")
_SHOWN = {code: f"^{chr(code ^ 64)}" for code in (*range(32), 127) if chr(code) not in "\t\n"}
_EMPHASIS = {1: "bold", 2: "dim", 3: "italic", 4: "underline"}
_ENDED = {22: {"bold", "dim"}, 23: {"italic"}, 24: {"underline"}}


@dataclass(frozen=True, slots=True)
class Style:
    """How characters look now."""

    ink: str = ""
    ground: str = ""
    emphasis: frozenset[str] = frozenset()

    @property
    def classes(self) -> str:
        """The classes for it; empty when it is as plain as the terminal."""
        colours = [f"ansi-{self.ink}"] if self.ink else []
        grounds = [f"ansi-on-{self.ground}"] if self.ground else []
        return " ".join(colours + grounds + [f"ansi-{name}" for name in sorted(self.emphasis)])


class Terminal:
    """Turns output into HTML piece by piece; what may be the beginning of an escape waits for the next piece."""

    def __init__(self) -> None:
        self._style = Style()
        self._held = ""

    def feed(self, text: str) -> SafeString:
        """The HTML of the next piece."""
        text = self._held + text
        unfinished = _UNFINISHED.search(text)
        self._held = unfinished[0] if unfinished else ""
        plain, *styled = _STYLE.split(text[: len(text) - len(self._held)])
        html = [self._dress(plain)]
        for parameters, piece in zip(styled[::2], styled[1::2], strict=True):
            codes = iter([int(code or 0) for code in parameters.split(";")])
            for code in codes:
                self._style = _styled(self._style, code, codes)
            html.append(self._dress(piece))
        return SafeString("".join(html))

    def finish(self) -> SafeString:
        """What was held back, shown as it is."""
        held, self._held = self._held, ""
        return self._dress(held)

    def _dress(self, text: str) -> SafeString:
        shown = escape(text.replace("\r\n", "\n").replace("\r", "\n").translate(_SHOWN))
        classes = self._style.classes
        return SafeString(f'<span class="{classes}">{shown}</span>') if classes and shown else shown


def output_to_html(output: str, *, finished: bool) -> SafeString:
    """The whole output of a command so far."""
    terminal = Terminal()
    html = terminal.feed(output)
    return SafeString(html + terminal.finish()) if finished else html


def _styled(style: Style, code: int, rest: Iterator[int]) -> Style:
    """The style after one code; the colours of 256 and of true colour take their numbers from `rest`."""
    if code == 0:
        return Style()
    if code in _EMPHASIS:
        return replace(style, emphasis=style.emphasis | {_EMPHASIS[code]})
    if code in _ENDED:
        return replace(style, emphasis=style.emphasis - _ENDED[code])
    kind, number = divmod(code, 10)
    if kind not in (3, 4, 9, 10):
        return style
    colour = COLOURS[number] if number < len(COLOURS) else ""
    if number == 8 and kind in (3, 4):
        colour = _nearest(rest)
    return replace(style, ink=colour) if kind in (3, 9) else replace(style, ground=colour)


def _nearest(rest: Iterator[int]) -> str:
    """The one of eight colours that comes nearest; greys are the terminal's own ink."""
    form = next(rest, 0)
    if form == 5:
        number = next(rest, GREY)
        if number < 16:
            return COLOURS[number % 8]
        cube = number - 16
        parts = [51 * (cube // 36), 51 * (cube // 6 % 6), 51 * (cube % 6)] if number < 232 else [0, 0, 0]
    else:
        parts = [next(rest, 0) for _ in range(3)] if form == 2 else [0, 0, 0]
    if max(parts) - min(parts) < 40:
        return ""
    middle = (max(parts) + min(parts)) / 2
    return COLOURS[sum(bit for bit, part in zip((1, 2, 4), parts, strict=True) if part > middle)]
