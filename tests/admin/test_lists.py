"""What an operator finds in the lists, and what they cost."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agentsite.access.models import User
from sessions_app.models import Event, Interaction, Message, Run, Session, Step
from tests.support.scribe import Scribe

LISTS = {name: f"/admin/sessions_app/{name}/" for name in ("session", "run", "message", "step", "interaction", "event")}


def read(page: str, client: Client, **query: str) -> str:
    response = client.get(page, query)
    assert response.status_code == 200
    return str(response.content.decode())


def rows(page: str) -> int:
    return len(re.findall(r'<input type="checkbox" name="_selected_action"|<th class="field-', page))


def story(owner: User, number: int) -> Scribe:
    """A session with a message, a tool call and an open question."""
    scribe = Scribe.begin(owner, f"Hello number {number}")
    scribe.start_message()
    scribe.say("I look around.")
    scribe.end_message()
    scribe.run_tool("a file\n")
    scribe.ask()
    return scribe


@pytest.mark.parametrize("name", LISTS)
def test_a_list_costs_the_same_however_long(desk: Client, name: str) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            read(LISTS[name], desk)
        return len(queries)

    def add(first: int, last: int) -> None:
        for number in range(first, last):
            story(User.objects.create_user(f"person {number}"), number)

    add(0, 3)
    cost()  # fills what Django remembers for ever
    few = cost()
    add(3, 30)
    assert cost() == few


def test_the_lists_say_what_goes_on(desk: Client, scribe: Scribe) -> None:
    scribe.ask()
    sessions = read(LISTS["session"], desk)
    for words in ("Hello", "alice", "puppet-nothing", "Waiting", "Confirmation"):
        assert words in sessions
    runs = read(LISTS["run"], desk)
    for words in ("Hello", "alice", "Waiting", "Confirmation: Run ls?"):
        assert words in runs
    questions = read(LISTS["interaction"], desk)
    for words in ("Run ls?", "shell", "high", "Pending", "alice"):
        assert words in questions


@pytest.mark.parametrize(
    ("name", "query", "found"),
    [
        ("session", {"state": "waiting"}, True),
        ("session", {"state": "on"}, False),
        ("session", {"state": "idle"}, False),
        ("session", {"wait": "confirmation"}, True),
        ("session", {"wait": "input"}, False),
        ("session", {"q": "hello"}, True),
        ("session", {"q": "bob"}, False),
        ("run", {"ended": "no"}, True),
        ("run", {"ended": "yes"}, False),
        ("run", {"wait_reason__exact": "confirmation"}, True),
        ("run", {"q": "alice"}, True),
        ("run", {"status__exact": "failed"}, False),
        ("interaction", {"status__exact": "pending"}, True),
        ("interaction", {"kind__exact": "input"}, False),
        ("interaction", {"q": "shell"}, True),
    ],
)
def test_a_list_is_narrowed(desk: Client, scribe: Scribe, name: str, query: dict[str, str], found: bool) -> None:
    scribe.ask()
    assert bool(rows(read(LISTS[name], desk, **query))) is found


def test_owners_and_agents_are_filters(desk: Client, scribe: Scribe, bob: User) -> None:
    owner = str(scribe.owner.pk)
    assert rows(read(LISTS["session"], desk, owner__id__exact=owner, agent__id__exact=str(scribe.session.agent_id)))
    Scribe.begin(bob)
    assert rows(read(LISTS["run"], desk)) == 2 * rows(read(LISTS["run"], desk, session__owner__id__exact=owner))


@pytest.mark.parametrize("name", LISTS)
def test_a_whole_id_finds_its_rows(desk: Client, scribe: Scribe, bob: User, name: str) -> None:
    scribe.start_message()
    scribe.say("Well.")
    scribe.end_message()
    scribe.ask()
    story(bob, 2)
    page = read(LISTS[name], desk, q=str(scribe.session.id))
    assert "alice" in page
    assert "Hello number 2" not in page
    assert "bob" not in re.sub(r"(?s)<nav id=\"changelist-filter\".*?</nav>", "", page)


def test_costs_are_summed(desk: Client, scribe: Scribe) -> None:
    Run.objects.update(cost=0.25)
    scribe.finish()
    second = Scribe.begin(scribe.owner, "Another")
    Run.objects.filter(id=second.held.run_id).update(cost=0.5)
    page = read(LISTS["session"], desk)
    assert "0.2500" in page
    assert "0.5000" in page


def test_a_long_wait_shows(desk: Client, scribe: Scribe) -> None:
    question = scribe.ask()
    Interaction.objects.filter(id=question.id).update(
        created_at=timezone.now() - timedelta(hours=5), expires_at=timezone.now() + timedelta(hours=2, minutes=30)
    )
    page = read(LISTS["interaction"], desk).replace("\xa0", " ")
    assert "5 hours" in page
    assert "2 hours" in page


@pytest.mark.parametrize("name", LISTS)
def test_history_is_only_read(desk: Client, scribe: Scribe, name: str) -> None:
    scribe.start_message()
    scribe.end_message()
    scribe.ask()
    models = (Session, Run, Message, Step, Interaction, Event)
    model = next(model for model in models if model._meta.model_name == name)
    row = model._default_manager.first()
    assert row is not None
    page = f"{LISTS[name]}{row.pk}/change/"
    shown = read(page, desk)
    assert 'name="_save"' not in shown
    assert desk.post(page, {"title": "Mine", "status": "completed"}).status_code == 403
    assert desk.post(f"{LISTS[name]}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert desk.get(f"{LISTS[name]}add/").status_code == 403
    assert model._default_manager.filter(pk=row.pk).exists()


def test_secrets_and_commands_have_no_page(desk: Client) -> None:
    for name in ("secret", "command"):
        assert desk.get(f"/admin/sessions_app/{name}/").status_code == 404


def test_bob_sees_nothing_of_it(bob: User, scribe: Scribe) -> None:
    client = Client()
    client.force_login(bob)
    for page in LISTS.values():
        assert client.get(page).status_code == 302
