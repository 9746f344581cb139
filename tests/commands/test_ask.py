"""A run in the terminal: Olga asks, a built-in engine answers, a person may sit at the keyboard or not."""

import io
import json
import logging
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pydantic import TypeAdapter

from agents_app.services import ensure_defaults
from agents_app.types import NotAnsweredError, RunContext
from agentsite.access.models import User
from sessions_app.models import Interaction, Message, Run, Session
from sessions_app.protocol.frames import OUTGOING, frame_type
from sessions_app.runner import current
from sessions_app.services.interactions import answer_interaction
from sessions_app.services.sessions import create_session
from sessions_app.terminal import screen as terminal_screen
from tests.support.puppets import puppet
from tools_app.models import ToolPermission

pytestmark = pytest.mark.django_db(transaction=True)


class Keyboard(io.StringIO):
    """A person at a terminal who types these lines; a callable line is done, and what it returns is typed."""

    def __init__(self, *lines: str | Callable[[], str]) -> None:
        super().__init__()
        self._lines = iter(lines)

    def isatty(self) -> bool:
        """It is one."""
        return True

    def readline(self, size: int | None = -1, /) -> str:
        """The next line, nothing at the end."""
        line = next(self._lines, None)
        if line is None:
            return ""
        return f"{line if isinstance(line, str) else line()}\n"


@pytest.fixture
def ask(transactional_db: None, operator: User, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """`manage.py ask`: the exit code, what is on stdout and what is on stderr."""
    ensure_defaults()

    def call(text: str, *options: str, stdin: io.StringIO | None = None) -> tuple[int, str, str]:
        stdout, stderr = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "stdin", stdin or io.StringIO())
        try:
            call_command("ask", text, *options, stdout=stdout, stderr=stderr)
        except CommandError as error:
            return error.returncode, stdout.getvalue(), f"{stderr.getvalue()}{error}"
        assert current.get_runtime() is None
        return 0, stdout.getvalue(), stderr.getvalue()

    return call


def interrupt() -> str:
    """Ctrl-C."""
    raise KeyboardInterrupt


def test_the_answer_streams_to_stdout(ask: Any, operator: User) -> None:
    code, out, err = ask("Write 30 words.")
    assert (code, err) == (0, "")
    run = Run.objects.get()
    assert out == f"{run.text}\n"
    assert (run.door, run.session.owner) == ("ask", operator)
    assert not logging.getLogger("anything").manager.disable


def test_with_nobody_there_ask_means_deny(ask: Any) -> None:
    code, out, err = ask("What is 17 * 23?")
    assert code == 0
    assert "Not allowed" in out
    assert re.fullmatch(r"✗ Python: .*\(not allowed\)\n", err)
    assert not Interaction.objects.exists()


def test_yes_approves_what_the_gate_asks(ask: Any, operator: User) -> None:
    code, out, err = ask("What is 17 * 23?", "--yes")
    assert (code, out) == (0, "17 * 23 = **391**\n")
    assert re.fullmatch(r"→ Python: .*\(running\)\n", err)
    question = Interaction.objects.get()
    assert (question.decision, question.answered_by) == ("approve", operator)


def test_yes_never_beats_a_deny(ask: Any) -> None:
    ToolPermission.objects.create(tool="python", action="deny")
    code, out, err = ask("What is 17 * 23?", "--yes")
    assert code == 0
    assert "391" not in out
    assert "not allowed" in err


def test_a_person_sees_the_exact_call_and_approves(ask: Any) -> None:
    code, out, err = ask("Run `echo hello`", stdin=Keyboard("what?", "a"))
    assert code == 0
    assert "hello" in out
    assert "  command: echo hello\n" in err
    assert "Risk: " in err
    assert "Type one of the letters in brackets." in err


def test_a_person_edits(ask: Any) -> None:
    code, out, _ = ask("Run `echo hello`", stdin=Keyboard("e", "echo changed"))
    assert code == 0
    assert "changed" in out
    question = Interaction.objects.get()
    assert question.answer == {"arguments": {"command": "echo changed"}}


def test_a_person_edits_code_of_several_lines(ask: Any) -> None:
    code, out, _ = ask("What is 17 * 23?", stdin=Keyboard("edit", "print(6)", "print(7)", "."))
    assert code == 0
    assert "6\n7" in out


def test_a_person_rejects_with_a_reason(ask: Any) -> None:
    assert ask("Run `echo hello`", stdin=Keyboard("r", "Not now."))[0] == 0
    question = Interaction.objects.get()
    assert (question.decision, question.answer) == ("reject", {"reason": "Not now."})


def test_a_person_answers_in_the_tools_place(ask: Any) -> None:
    code, out, _ = ask("Run `echo hello`", stdin=Keyboard("w", "forty-two", "."))
    assert code == 0
    assert "forty-two" in out


def test_a_person_allows_the_rest_of_the_session(ask: Any) -> None:
    assert ask("Run `echo one` and `echo two`", stdin=Keyboard("s", "a"))[0] == 0
    assert ToolPermission.objects.filter(layer="session", tool="shell", action="allow").exists()


def test_the_end_of_the_input_is_no_consent(ask: Any) -> None:
    assert ask("Run `echo hello`", stdin=Keyboard())[0] == 0
    assert Interaction.objects.get().decision == "reject"


def test_a_form_is_filled_in_field_by_field(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal_screen.Screen.__init__, "__kwdefaults__", {"read_secret": lambda prompt: "hush"})
    first = ["", "Al", "many", "2", "y"]
    again = ["", "Al", "3", "autumn", "summer", "maybe", "n"]
    code, out, err = ask("Ask me about a trip", stdin=Keyboard(*first, *again))
    assert code == 0
    assert "days: This must be a number." in err
    assert "That is none of them." in err
    assert "Type y or n." in err
    for words in ("name: Al", "days: 3", "season: summer", "insured: no", "⟨secret:passphrase⟩"):
        assert words in out
    assert "hush" not in out + err


def test_a_form_is_declined(ask: Any) -> None:
    assert ask("Ask me about a trip", stdin=Keyboard("n", "Not your business."))[0] == 0
    question = Interaction.objects.get()
    assert (question.decision, question.answer) == ("decline", {"reason": "Not your business."})


async def curious(ctx: RunContext) -> str:
    """Asks for a fact and gives up politely."""
    try:
        return str(await ctx.ask("Your name?", {"type": "object", "properties": {"name": {"type": "string"}}}))
    except NotAnsweredError as error:
        return f"{error.reason}: {error.note}"


def test_yes_fills_in_no_form(ask: Any) -> None:
    agent = puppet(curious)
    assert ask("Go", "--yes", "--agent", agent.slug) == (0, "declined: Nobody is at the terminal.\n", "")


def test_somebody_else_is_faster(ask: Any, operator: User) -> None:
    def while_olga_thinks() -> str:
        answer_interaction(interaction_id=Interaction.objects.get().id, user=operator, decision="reject")
        return "a"

    code, _, err = ask("Run `echo hello`", stdin=Keyboard(while_olga_thinks))
    assert code == 0
    assert "olga answered this first: reject." in err


def test_a_failure_is_told_by_the_exit_code(ask: Any) -> None:
    code, out, err = ask("fail error")
    assert code == 1
    assert out.startswith("This answer begins well")
    assert err == "The model's provider had an error. Try again. (engine_error)"


def test_ctrl_c_stops_the_run(ask: Any, operator: User) -> None:
    code, _, err = ask("Run `echo hello`", stdin=Keyboard(interrupt))
    assert code == 130
    assert "Stopped by the person." in err
    run = Run.objects.get()
    assert (run.status, run.cancelled_by) == ("cancelled", operator)


def test_json_prints_the_frames(ask: Any) -> None:
    code, out, err = ask("What is 17 * 23?", "--yes", "--json")
    assert (code, err) == (0, "")
    frames = [json.loads(line) for line in out.splitlines()]
    adapters = {frame_type(frame): TypeAdapter(frame) for frame in OUTGOING}
    for frame in frames:
        adapters[frame["type"]].validate_python(frame)
    assert frames[0]["type"] == "message"
    assert frames[0]["message"]["content"] == "What is 17 * 23?"
    assert (frames[-1]["type"], frames[-1]["content"]) == ("task_completed", "17 * 23 = **391**")
    assert [frame["type"] for frame in frames].count("request_confirmation") == 1
    seqs = [frame["seq"] for frame in frames]
    assert seqs == sorted(seqs)


def test_json_tells_a_failure_too(ask: Any) -> None:
    code, out, _ = ask("fail error", "--json")
    assert code == 1
    assert json.loads(out.splitlines()[-1])["error"]["code"] == "engine_error"


async def silent(ctx: RunContext) -> str:
    """Answers without a model, with what could steer a terminal."""
    return "plain \x1b[2Jtext \u202eturned"


def test_nothing_that_was_written_steers_the_terminal(ask: Any) -> None:
    code, out, _ = ask("Go", "--agent", puppet(silent).slug)
    assert (code, out) == (0, "plain \\x1b[2Jtext \\u202eturned\n")


def test_a_session_is_gone_on_with(ask: Any, alice: User) -> None:
    session = create_session(owner=alice)
    assert ask("Write 5 words.", "--user", "alice", "--session", str(session.id))[0] == 0
    assert ask("Write 6 words.", "--user", "alice", "--session", str(session.id))[0] == 0
    assert Session.objects.count() == 1
    assert Message.objects.filter(session=session, role="assistant").count() == 2


def test_what_cannot_be_asked_is_refused_in_words(ask: Any, alice: User, bob: User) -> None:
    alices = str(create_session(owner=alice).id)
    refusals = {
        ("Hi", "--user", "carol"): "There is no active user named carol.",
        ("Hi", "--agent", "nobody"): "There is no agent named nobody. Agents: assistant.",
        ("Hi", "--session", "nonsense"): "not a session's id",
        ("Hi", "--session", alices, "--user", "bob"): "Not found.",
        ("Hi", "--session", alices, "--agent", "assistant"): "leave out --agent or --session",
        (" ",): "Write a message first.",
    }
    for arguments, words in refusals.items():
        code, out, err = ask(*arguments)
        assert (code, out) == (1, "")
        assert words in err
    assert not Run.objects.exists()
    assert Session.objects.count() == 1


def test_a_site_without_an_administrator_says_what_to_do(ask: Any, operator: User) -> None:
    operator.delete()
    code, _, err = ask("Hi")
    assert code == 1
    assert "createsuperuser" in err
