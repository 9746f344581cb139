"""What stands around the thread and changes with it: header, queued messages, waiting bar, buttons of the composer."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.template.loader import render_to_string

from sessions_app.fold import JournalEvent, State
from sessions_app.representations import Public
from sessions_app.types import LIVE

# region → the id of its element; its template has the same name
REGIONS = {
    "header": "session-header",
    "queue": "queue",
    "waiting": "waiting",
    "composer_buttons": "composer-buttons",
    "entry": "session-entry",
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A session as its page's regions show it. `word`, `icon` and `tone` make up the state pill."""

    session: Public
    word: str
    icon: str
    tone: str
    busy: bool
    stopping: bool
    questions: Sequence[Public]
    queued: Sequence[Public]


def surroundings(state: State) -> Surroundings:
    """What the regions show of a state."""
    live = [run for run in state["runs"].values() if run["status"] in LIVE]
    questions = [row for row in state["interactions"].values() if row["status"] == "pending"]
    queued = [row for row in state["messages"].values() if row["status"] == "queued"]
    statuses = {run["status"] for run in live}
    word, icon, tone = _pill(statuses, bool(questions), {run["wait_reason"] for run in live})
    return Surroundings(
        session=state["session"],
        word=word,
        icon=icon,
        tone=tone,
        busy=bool(live),
        stopping="cancelling" in statuses,
        questions=sorted(questions, key=_position),
        queued=sorted(queued, key=_position),
    )


def render_regions(around: Surroundings, *, beside: bool = False) -> dict[str, str]:
    """Every region's HTML by the id of its element; `beside` marks them as to be swapped beside something else."""
    context = {"around": around, "live": True, "beside": beside}
    return {
        element: render_to_string(f"chat/regions/{name}.html", context).strip() for name, element in REGIONS.items()
    }


def announcement(events: Sequence[JournalEvent]) -> str:
    """What somebody who does not see the page should hear of these events, in one sentence."""
    for event in reversed(events):
        if event.type == "interaction.requested":
            return f"The agent waits for you: {event.data['interaction']['message']}"
        if event.type == "run.completed":
            return "Answer complete."
        if event.type in ("run.failed", "run.cancelled"):
            return str(event.data["run"]["sentence"])
    return ""


def _position(row: Public) -> int:
    return int(row["position"])


def _pill(statuses: set[str], asks: bool, reasons: set[str]) -> tuple[str, str, str]:
    if "cancelling" in statuses:
        return "Stopping", "loader", "running"
    if asks:
        return "Waiting for you", "hand", "waiting"
    if "retry" in reasons:
        return "Trying again soon", "clock", "running"
    if statuses & {"running", "waiting"}:
        return "Working", "loader", "running"
    if "queued" in statuses:
        return "Queued", "clock", "running"
    return "Ready", "circle", "quiet"
