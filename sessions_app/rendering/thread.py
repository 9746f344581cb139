"""The thread for a connection that follows it: which rows an event touches, their fragments, and the whole at once.

Fragments of journal rows are the same for every reader of the process, so the last ones are remembered.
"""

from collections import OrderedDict
from collections.abc import Iterable, MutableMapping
from uuid import UUID

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from sessions_app.fold import COLLECTIONS, JournalEvent, State
from sessions_app.rendering.items import describe, item_id, list_items, render_item
from sessions_app.rendering.regions import Surroundings
from sessions_app.types import LIVE

REMEMBERED = 128
Key = tuple[str, str]
Touched = MutableMapping[Key, int | None]

_fragments: OrderedDict[tuple[Key, int], str] = OrderedDict()


def keys_of(event: JournalEvent) -> list[Key]:
    """The rows, as (collection, id), that an event tells of."""
    found = [(collection, event.data[name]) for name, collection in COLLECTIONS.items() if name in event.data]
    return [(collection, row if isinstance(row, str) else row["id"]) for collection, row in found]


def streaming(state: State) -> set[Key]:
    """The rows whose text grows."""
    messages = {("messages", key) for key, row in state["messages"].items() if row["status"] == "streaming"}
    return messages | {("steps", key) for key, row in state["steps"].items() if row["status"] == "started"}


def in_order(state: State, keys: Iterable[Key]) -> list[Key]:
    """Rows in the order of the page."""
    return sorted(keys, key=lambda key: int(state[key[0]][key[1]]["position"]))


def extend(state: State, touched: Touched, subject: UUID, kind: str, text: str) -> bool:
    """Add text to a row that is about to be sent whole; False when it is not. Such a fragment is nobody else's."""
    key = ("steps" if kind == "output" else "messages", str(subject))
    if key not in touched:
        return False
    state[key[0]][key[1]][kind] += text
    touched[key] = None
    return True


def render_row(state: State, key: Key, seq: int | None = None) -> str:
    """A row's fragment, empty when it has no place on the page; remembered by the `seq` of the event that told it."""
    html = _fragments.get((key, seq)) if seq is not None else None
    if html is not None and seq is not None:
        _fragments.move_to_end((key, seq))
        return html
    item = describe(key[0], state[key[0]][key[1]])
    html = "" if item.absent else render_item(item).strip()
    if seq is not None:
        _fragments[(key, seq)] = html
        if len(_fragments) > REMEMBERED:
            _fragments.popitem(last=False)
    return html


def element_id(key: Key) -> str:
    """The id of a row's element."""
    return item_id(key[1])


def render_whole(state: State, around: Surroundings, regions: Iterable[str]) -> SafeString:
    """The thread and, to be put beside it, every region."""
    context = {"items": list_items(state), "before": state.get("before"), "around": around, "regions": regions}
    return render_to_string("chat/parts/resync.html", context)


def trim(state: State) -> None:
    """Forget what no later fragment needs: an open page costs the server little, however long its session is."""
    state["messages"] = {key: row for key, row in state["messages"].items() if row["status"] == "queued"}
    state["runs"] = {key: row for key, row in state["runs"].items() if row["status"] in LIVE}
    state["interactions"] = {key: row for key, row in state["interactions"].items() if row["status"] == "pending"}
    state["steps"] = {}
