"""What of a session belongs to one run: its end, its open questions, and how it is shown to a person or a program."""

from collections.abc import Iterable, Iterator
from uuid import UUID

from django.core.management.base import OutputWrapper

from sessions_app.fold import COLLECTIONS, JournalEvent
from sessions_app.protocol.outgoing import Writer, encode
from sessions_app.protocol.shapes import step_sentence
from sessions_app.protocol.states import initial_state
from sessions_app.reader import Item, Resync, Text
from sessions_app.representations import Public
from sessions_app.selectors.conversations import count_messages
from sessions_app.terminal.screen import Screen

LINE = 160
_ENDED = ("completed", "failed", "cancelled")
_SHOWN_STEPS = ("tool", "delegate")


def rows_of(item: JournalEvent | Resync) -> Iterator[tuple[str, Public]]:
    """The rows that an item carries, each with its kind."""
    for kind, collection in COLLECTIONS.items():
        if isinstance(item, Resync):
            yield from ((kind, row) for row in item.state[collection].values())
        elif kind in item.data and isinstance(item.data[kind], dict):
            yield kind, item.data[kind]


def one_line(text: str) -> str:
    """`text` on one line of bearable length."""
    line = " ".join(text.split())
    return line if len(line) <= LINE else f"{line[: LINE // 2]} … {line[-LINE // 2 :]}"


class RunWatch:
    """Knows of a run and the runs it delegates to: what they ask, and how it ended."""

    def __init__(self, run_id: UUID) -> None:
        self.run_id = str(run_id)
        self.runs = {self.run_id}
        self.ended: Public | None = None
        self.open: dict[str, Public] = {}

    def take(self, item: Item) -> None:
        """Learn from what the reader emitted."""
        if isinstance(item, Text):
            return
        for kind, row in rows_of(item):
            if kind == "run":
                self._take_run(row)
            elif kind == "interaction" and row["run_id"] in self.runs:
                self._take_question(row)

    def _take_run(self, row: Public) -> None:
        if row["parent_id"] in self.runs:
            self.runs.add(row["id"])
        if row["id"] == self.run_id and row["status"] in _ENDED:
            self.ended = row

    def _take_question(self, row: Public) -> None:
        if row["status"] == "pending":
            self.open[row["id"]] = row
        else:
            self.open.pop(row["id"], None)


class Transcript:
    """Shows a run to a person: its text as it comes, each tool call as a line."""

    def __init__(self, screen: Screen, watch: RunWatch) -> None:
        self._screen = screen
        self._watch = watch
        self._shown: dict[str, int] = {}
        self._last_text = ""
        self._steps: set[tuple[str, str]] = set()

    def show(self, items: Iterable[Item]) -> None:
        """Show what the reader emitted."""
        for item in items:
            if isinstance(item, Text):
                self._show_text(item)
                continue
            for kind, row in rows_of(item):
                if kind == "message" and row["run_id"] == self._watch.run_id and row["role"] == "assistant":
                    self._show_message(row)
                elif kind == "step" and row["run_id"] in self._watch.runs and row["kind"] in _SHOWN_STEPS:
                    self._show_step(row)

    def end(self, row: Public) -> None:
        """Show an answer that was not written as a message."""
        if row["text"] and row["text"] != self._last_text:
            self._screen.write(row["text"])
        self._screen.end_line()

    def _show_text(self, text: Text) -> None:
        if text.kind == "text" and str(text.run_id) == self._watch.run_id:
            self._shown[str(text.subject)] = self._shown.get(str(text.subject), 0) + len(text.text)
            self._screen.write(text.text)

    def _show_message(self, row: Public) -> None:
        """Write what is not written yet; a message that ends is absolute, one that was begun again is void."""
        shown = self._shown.get(row["id"], 0)
        if row["status"] == "superseded":
            if shown:
                self._screen.note("The answer above was interrupted and is begun again.")
            return
        self._screen.write(row["text"][shown:])
        self._shown[row["id"]] = max(shown, len(row["text"]))
        if row["status"] != "streaming":
            self._last_text = row["text"]
            self._screen.end_line()

    def _show_step(self, row: Public) -> None:
        known = (row["id"], row["status"])
        if known in self._steps or row["status"] in ("planned", "waiting", "succeeded"):
            return
        self._steps.add(known)
        sign = "→" if row["status"] == "started" else "✗"
        self._screen.note(f"{sign} {one_line(step_sentence(row))}")


class FrameLines:
    """Shows a session to a program: the frames of the JSON socket, one a line."""

    def __init__(self, stdout: OutputWrapper, session_id: UUID) -> None:
        self._stdout = stdout
        self._session_id = session_id
        self._writer = Writer(session_id)

    def show(self, items: Iterable[Item]) -> None:
        """Write the frames of what the reader emitted."""
        events: list[JournalEvent | Text] = []
        for item in items:
            if isinstance(item, Resync):
                self._write(events)
                events = []
                saved = count_messages(self._session_id)
                self._stdout.write(encode(initial_state(self._session_id, item.state, saved)))
            else:
                events.append(item)
        self._write(events)
        self._stdout.flush()

    def end(self, row: Public) -> None:
        """The frames have told it."""

    def _write(self, events: Iterable[JournalEvent | Text]) -> None:
        for _, frame in self._writer.write(events):
            self._stdout.write(frame)
