"""The ground: text, digests, secrets, ids, the clock, fault points and consistent reads."""

import json
import subprocess
import sys
import time
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from agentsite.core import faults
from agentsite.core.clock import database_now
from agentsite.core.crypto import SecretUnreadableError, decrypt, encrypt
from agentsite.core.digest import digest
from agentsite.core.ids import new_id
from agentsite.core.reading import consistent_read, in_database
from agentsite.core.text import clean_text, utf16_length, utf16_slice
from agentsite.env import BASE_DIR

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)


@given(st.text(max_size=30), st.integers(0, 40), st.integers(0, 40))
def test_text_is_counted_as_javascript_counts_it(text: str, start: int, length: int) -> None:
    units = text.encode("utf-16-le")
    assert utf16_length(text) == len(units) // 2
    cut = utf16_slice(text, start, start + length)
    assert cut == units[2 * start : 2 * (start + length)].decode("utf-16-le", "replace")
    assert utf16_slice(text, 0) == text


@given(st.lists(ANY_TEXT, max_size=6))
def test_clean_text_joins_pairs_and_keeps_nothing_that_a_database_refuses(parts: list[str]) -> None:
    clean, held = "", ""
    for part in parts:
        piece, held = clean_text(part, held)
        clean += piece
    clean.encode("utf-8")
    assert "\x00" not in clean
    assert len(held) <= 1
    units = "".join(parts).replace("\x00", "\ufffd").encode("utf-16-le", "surrogatepass")
    assert clean + ("\ufffd" if held else "") == units.decode("utf-16-le", "replace")


def test_a_pair_that_arrives_in_two_halves_is_one_character() -> None:
    assert clean_text("a\ud83d") == ("a", "\ud83d")
    assert clean_text("\ude00b", "\ud83d") == ("\U0001f600b", "")


def test_a_digest_knows_content_and_not_order() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
    assert digest("a", "b") != digest("ab")
    assert len(digest()) == 64


def test_a_secret_comes_back_unless_the_sites_key_has_changed(settings: Any) -> None:
    kept = encrypt("s3cret ✓")
    assert "s3cret" not in kept
    assert decrypt(kept) == "s3cret ✓"
    settings.SECRET_KEY = "another"
    with pytest.raises(SecretUnreadableError):
        decrypt(kept)


def test_ids_sort_by_time_and_say_what_they_are() -> None:
    before = time.time_ns() // 1_000_000
    ids = [new_id() for _ in range(100)]
    assert len(set(ids)) == 100
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}
    stamps = [each.int >> 80 for each in ids]
    assert stamps == sorted(stamps)
    assert before <= stamps[0] <= stamps[-1] <= time.time_ns() // 1_000_000


@pytest.mark.django_db
def test_the_databases_clock_has_a_zone() -> None:
    assert database_now().tzinfo is not None


def test_a_fault_point_kills_at_the_pass_that_was_asked_for() -> None:
    program = """
from agentsite.core import faults
faults.register("here", "a test's own")
faults.arm_from("here:2")
faults.point("elsewhere"); faults.point("here"); print("once", flush=True)
faults.point("here"); print("twice", flush=True)
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=BASE_DIR, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (-9, "once\n")


def test_fault_points_have_one_name_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "POINTS", {})
    assert faults.register("here", "a test's own") == "here"
    with pytest.raises(ValueError, match="twice"):
        faults.register("here", "again")
    with pytest.raises(ValueError, match="no fault point"):
        faults.arm_from("nowhere")


@pytest.mark.django_db(transaction=True)
async def test_reads_inside_see_one_state() -> None:
    def read_twice() -> tuple[int, int]:
        with consistent_read():
            first = Group.objects.count()
            other = connection.copy()
            with other.cursor() as cursor:
                cursor.execute("INSERT INTO auth_group (name) VALUES ('made meanwhile')")
            other.close()
            return first, Group.objects.count()

    assert await in_database(read_twice) == (0, 0)
    assert await in_database(Group.objects.count) == 1


def test_a_digest_is_of_canonical_json() -> None:
    assert digest({"b": 1, "a": "ü"}) == digest(json.loads('{"a": "ü", "b": 1}'))
