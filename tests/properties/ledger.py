"""The invariants, checked from the rows after every rule.

I1 a snapshot and the events after it give the snapshot of now; I2 `seq` has no gap; I4 an unsafe effect begins once
without "run it again"; I5 nothing that asks begins without the yes that fits it; I7 one run at a time; I8 one answer
wins; I9 what has ended never changes and leaves nothing open; I11 a question without an answer starts nothing; I12
every tool request has its result.
"""

import json
import re
import time
from collections import Counter
from uuid import UUID

from django.db import connection

from sessions_app import fold
from sessions_app.fold import State
from sessions_app.runner.plans import shown_digest
from sessions_app.selectors.history import NOT_RUN, history
from sessions_app.selectors.journal import events_after, snapshot
from sessions_app.services.endings import open_wait
from sessions_app.types import ENDED, STEP_ENDED
from tests.properties.rows import Row, Rows
from tests.properties.tabs import Tab
from tools_app import registry
from tools_app.models import ToolDecision

EVERYTHING = 1_000_000
YES = ("approve", "edit")
ASKING = ("dare",)


class Ledger:
    """What was seen so far of one session."""

    def __init__(self, session_id: UUID) -> None:
        self.session_id = session_id
        self.effects: Counter[tuple[str, str]] = Counter()
        self.again: Counter[tuple[str, str]] = Counter()
        self.begun: set[tuple[UUID, int]] = set()
        self.won: dict[UUID, tuple[str, str]] = {}
        self.seq = 0
        self._ended: dict[tuple[str, UUID], Row] = {}
        self._past: list[State] = []
        self._folds: list[State] = [fold.empty_state()]
        self._written = -1
        self._told: tuple[list[Row], list[Row]] = ([], [])
        self.look()

    def look(self) -> None:
        """Look at everything and hold it against what was, if anything was written."""
        written = _written()
        if written == self._written:
            return
        self._written = written
        self.rows = Rows.load(self.session_id)
        self.now = self._snapshot()
        self._check_journal()
        self._check_runs()
        self._check_streams()
        self._check_ended()
        self._check_questions()
        self._check_starts()
        self._check_history()
        self._told = (self.rows.messages, self.rows.steps)

    def changed(self, before: Rows) -> bool:
        """Whether anything of the session is not as it was in `before`: rows or journal."""
        return Rows.load(self.session_id) != before or bool(events_after(self.session_id, before.session["seq"], 1))

    def remember_this_moment(self) -> None:
        """Fold on from here too."""
        if self._past:
            self._folds = [*self._folds[-5:], copied(self.now)]

    def compact(self) -> None:
        """The journal has holes from now on: every fold begins again, from nothing and from each moment."""
        events = events_after(self.session_id, 0, EVERYTHING)
        kept = [fold.empty_state(), *self._past[-6:]]
        self._folds = [fold.apply_all(copied(state), events) for state in kept]

    def check_every_moment(self) -> None:
        """I1 for every snapshot that was ever taken."""
        events = events_after(self.session_id, 0, EVERYTHING)
        for state in self._past:
            assert difference(fold.apply_all(copied(state), events), self.now) == [], "I1"

    def check_tab(self, tab: Tab) -> None:
        """A tab that was told everything shows what a fresh page shows; live text may be ahead of it."""
        now, shown = self.now, copied(tab.state)
        for subject, kind, text in tab.texts():
            rows = "steps" if kind == "output" else "messages"
            stored = now[rows][str(subject)][kind]
            assert text.startswith(stored), "I13"
            shown[rows][str(subject)][kind] = stored
        assert difference(shown | {"seq": 0}, now | {"seq": 0}) == [], "I1 in a tab"

    def _check_journal(self) -> None:
        last = self.seq
        new = events_after(self.session_id, last, EVERYTHING)
        seq = self.rows.session["seq"]
        assert [event.seq for event in new] == list(range(last + 1, last + 1 + len(new))), "I2"
        assert seq == (new[-1].seq if new else last), "I2: the session knows its last seq"
        self.seq = seq
        for state in self._folds:
            assert difference(fold.apply_all(state, new), self.now) == [], "I1"
        if new:
            self._past.append(self.now)

    def _snapshot(self) -> State:
        state = snapshot(self.session_id, messages=None)
        assert state.pop("before") is None
        return copied(state)

    def _check_runs(self) -> None:
        on = [run for run in self.rows.live() if run["started_at"] is not None]
        assert len(on) <= 1, "I7"
        prompts = {message["id"]: message for message in self.rows.messages}
        for run in self.rows.runs:
            prompt = prompts.get(run["prompt_id"])
            if run["frozen"] and prompt is not None and prompt["text"] == run["prompt_text"]:
                assert run["frozen"]["history_end"] == prompt["position"], "I12: a prompt is not told twice"
            if run["status"] == "waiting":
                reason = open_wait(run["id"]) or ("retry" if run["available_at"] else None)
                assert run["wait_reason"] == reason, "a run says what it waits for, and is woken when that is over"

    def _check_streams(self) -> None:
        """Whatever streams is what a model is saying now: a request that is sent again begins another message."""
        streaming = {message["id"] for message in self.rows.messages if message["status"] == "streaming"}
        spoken = {step["message_id"] for step in self.rows.steps if step["status"] == "started"}
        assert streaming <= spoken

    def _check_ended(self) -> None:
        for run in self.rows.ended():
            assert self.rows.unfinished(run["id"]) == [], "I9: nothing is left open"
            assert (run["lease_owner"], run["lease_expires_at"]) == ("", None), "I9: no lease"
            left = [child for child in self.rows.runs if child["parent_id"] == run["id"]]
            assert all(child["status"] in (*ENDED, "cancelling") for child in left), "I9: its children stop with it"
            assert not (run["parent_id"] and run["actions"]), "a child is taken up with its parent"
            self._freeze("run", run)
            for step in self.rows.steps_of(run["id"]):
                began = (step["id"], step["started_fence"]) in self.begun
                assert not (began and step["status"] == "cancelled"), "it may have taken effect"
                self._freeze("step", step)
        over = {run["id"] for run in self.rows.ended()}
        for message in self.rows.messages:
            if message["run_id"] in over:
                self._freeze("message", message)
        for question in self.rows.interactions:
            if question["status"] != "pending":
                self._freeze("interaction", question)

    def _freeze(self, kind: str, row: Row) -> None:
        assert self._ended.setdefault((kind, row["id"]), row) == row, f"I9: an ended {kind} changed"

    def _check_questions(self) -> None:
        for question in self.rows.interactions:
            assert (question["expires_at"] is None) == (question["kind"] == "recovery")
            if question["status"] != "answered":
                assert question["id"] not in self.won, "I8: an answer that won stays"
                continue
            assert self.won.get(question["id"]) == (question["decision"], question["answered_via"]), "I8"

    def _check_starts(self) -> None:
        for step in self.rows.steps:
            if step["kind"] == "tool" and step["copied_from_id"] is None and step["started_at"] is not None:
                self._check_consent(step)
        for key, count in self.effects.items():
            assert count <= 1 + self.again[key], "I4"

    def _check_consent(self, step: Row) -> None:
        """I5 and I11: what began is what a person said yes to, where somebody was asked."""
        asked = [row for row in self.rows.interactions if row["step_id"] == step["id"]]
        questions = [row for row in asked if row["kind"] == "confirmation"]
        if not asked:
            self._check_grant(step)
        if not questions:
            return
        [question] = questions
        assert (question["status"], question["decision"] in YES) == ("answered", True), "I5, I11"
        edited = question["decision"] == "edit"
        wanted = question["answer"]["arguments"] if edited else question["arguments"]
        assert step["effective_arguments"] == wanted, "I5: what runs is what was shown"
        tool = registry.get_tool(step["tool"])
        assert tool is not None
        assert question["digest"] == shown_digest(tool, question["arguments"]), "I5: it is bound to what was shown"

    def _check_grant(self, step: Row) -> None:
        """I5: what asks by itself began without a question only by a person's grant."""
        if step["tool"] in ASKING:
            [decision] = ToolDecision.objects.filter(step_id=step["id"])
            assert (decision.decision, decision.source) == ("allow", "grant"), "I5"

    def _check_history(self) -> None:
        """I12: each request of a model has exactly one result, the right one, right after it."""
        if self._told == (self.rows.messages, self.rows.steps):
            return
        top = {run["id"] for run in self.rows.runs if run["parent_id"] is None}
        results = {
            _marker(json.dumps(step["arguments"])): (step["result"] or {}).get("content", NOT_RUN)
            for step in self.rows.steps
            if step["kind"] == "tool" and step["run_id"] in top and step["copied_from_id"] is None and _is_told(step)
        }
        told = history(self.session_id, EVERYTHING)
        while told:
            message = told.pop(0)
            assert message.role != "tool", "I12: a result without a request"
            for request in message.tool_requests:
                result = told.pop(0)
                assert (result.role, result.tool_call_id) == ("tool", request.id), "I12"
                expected = results.get(_marker(request.arguments), NOT_RUN)
                assert result.content == expected, f"I12: the right result of {request}"


def _is_told(step: Row) -> bool:
    return step["status"] in STEP_ENDED


def _marker(arguments: str) -> str:
    """Each call of the machine carries a number of its own."""
    found = re.search(r"#\d+#", arguments)
    assert found is not None
    return found[0]


def _written() -> int:
    """How many rows this connection has written; where that cannot be told, another number each time."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        return int(connection.connection.total_changes)
    return time.monotonic_ns()


def difference(shown: State, true: State) -> list[tuple[str, str, object, object]]:
    """Where two states differ: collection, id and what each says of the row."""
    if shown == true:
        return []
    found = [(name, "", shown[name], true[name]) for name in ("seq", "session") if shown[name] != true[name]]
    for name in fold.COLLECTIONS.values():
        for key in sorted(shown[name].keys() | true[name].keys()):
            left, right = shown[name].get(key) or {}, true[name].get(key) or {}
            fields = [field for field in {**left, **right} if left.get(field) != right.get(field)]
            found += [(name, field, left.get(field), right.get(field)) for field in fields]
    return found


def copied(state: State) -> State:
    """A state that can be folded without touching the original."""
    rows = {name: {key: dict(row) for key, row in state[name].items()} for name in fold.COLLECTIONS.values()}
    return {"seq": state["seq"], "session": dict(state["session"]), **rows}
