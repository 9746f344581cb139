"""Statements that are compiled once say the same as the ORM."""

import pytest

from agentsite.access.models import User
from agentsite.core.rows import all_rows, insert_rows, one_row, save_row, update_row
from sessions_app.models import Event, Session
from sessions_app.services.sessions import create_session


def test_rows_are_read_as_the_orm_reads_them(alice: User, bob: User) -> None:
    sessions = [create_session(owner=owner, title=title) for owner, title in ((alice, "b"), (alice, "a"), (bob, "c"))]
    found = all_rows(Session, owner_id=alice.pk)
    assert found == list(Session.objects.filter(owner=alice))
    assert [vars(row).keys() for row in found] == [vars(row).keys() for row in Session.objects.filter(owner=alice)]
    assert one_row(Session, id=sessions[2].id, owner_id=alice.pk) is None
    narrow = one_row(Session, only=("id", "seq"), id=sessions[0].id)
    assert narrow is not None
    assert narrow.get_deferred_fields() >= {"title"}
    assert narrow.title == "b"


def test_lookups_that_are_no_equality(alice: User) -> None:
    session = create_session(owner=alice)
    assert one_row(Event, session_id=session.id, seq__lt=1) is None
    assert one_row(Event, session_id=session.id, seq__gte=1, run_id__isnull=True) is not None
    assert one_row(Event, session_id=session.id, run_id__isnull=False) is None
    with pytest.raises(ValueError, match="use the ORM"):
        one_row(Session, id__in=[session.id, session.id])
    with pytest.raises(ValueError, match="use the ORM"):
        one_row(User, is_active=True)


def test_a_row_is_stored_if_its_guard_holds(alice: User) -> None:
    session = create_session(owner=alice, title="one")
    session.title = "two"
    assert update_row(session, "title", seq=session.seq + 1) == 0
    session.refresh_from_db()
    assert session.title == "one"
    session.title = "three"
    assert update_row(session, "title", seq=session.seq) == 1
    session.agent = None
    save_row(session)
    session.refresh_from_db()
    assert (session.title, session.agent) == ("three", None)


def test_new_rows_are_inserted_once(alice: User) -> None:
    rows = [Session(owner=alice, title=str(number)) for number in range(3)]
    insert_rows(rows)
    insert_rows([])
    rows[0].title = "changed"
    save_row(rows[0])
    assert sorted(Session.objects.values_list("title", flat=True)) == ["1", "2", "changed"]
