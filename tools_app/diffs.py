"""Unified diffs that cost little, whatever a model writes."""

import difflib
from itertools import takewhile

_CONTEXT_LINES = 3
_COMPARED_LINES = 2_000
_CHARACTERS = 64 * 1024


def unified_diff(before: str, after: str, path: str) -> str:
    """The change of one file, at most 64 kB.

    Comparing lines is quadratic at worst, so only what lies between the equal beginning and the equal end is compared;
    when even that is long, it is shown as taken out and put in.
    """
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    start = max(0, _equal_at_start(old, new) - _CONTEXT_LINES)
    end = max(0, _equal_at_start(old[start:][::-1], new[start:][::-1]) - _CONTEXT_LINES)
    old_middle, new_middle = old[start : len(old) - end], new[start : len(new) - end]
    if len(old_middle) + len(new_middle) > _COMPARED_LINES:
        header = _header(start, len(old_middle), start, len(new_middle))
        lines = [header, *_marked("-", old_middle), *_marked("+", new_middle)]
    else:
        lines = _compared(old_middle, new_middle, start)
    if not lines:
        return ""
    text = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    whole = f"--- a/{path}\n+++ b/{path}\n{text}"
    return whole if len(whole) <= _CHARACTERS else f"{whole[:_CHARACTERS]}\n[... the diff goes on ...]\n"


def _equal_at_start(left: list[str], right: list[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))


def _compared(old: list[str], new: list[str], start: int) -> list[str]:
    matcher = difflib.SequenceMatcher(None, old, new)
    lines: list[str] = []
    for group in matcher.get_grouped_opcodes(_CONTEXT_LINES):
        first, last = group[0], group[-1]
        lines.append(_header(start + first[1], last[2] - first[1], start + first[3], last[4] - first[3]))
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                lines += _marked(" ", old[old_start:old_end])
            else:
                lines += [*_marked("-", old[old_start:old_end]), *_marked("+", new[new_start:new_end])]
    return lines


def _marked(mark: str, lines: list[str]) -> list[str]:
    return [mark + line for line in lines]


def _header(old_start: int, old_count: int, new_start: int, new_count: int) -> str:
    return f"@@ -{_range(old_start, old_count)} +{_range(new_start, new_count)} @@\n"


def _range(start: int, count: int) -> str:
    return f"{start + 1 if count else start},{count}"
