"""Ways a model can fail its person: each ends the run with a code, a sentence, what was kept, and what can be done."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents_app.models import Agent
from agents_app.types import RunContext, ToolRequest
from sessions_app.models import Message
from sessions_app.services.runs import cancel_run, retry_run
from tests.support.model_server import (
    Reply,
    calls,
    content_filter,
    context_too_long,
    cut,
    empty,
    error_frame,
    malformed_arguments,
    stall,
    status,
    text,
    truncated_arguments,
)
from tests.support.puppets import puppet
from tests.support.site import Site, wait_for
from tests.support.toolbox import lines, toolbox
from tools_app.workspaces import workspace_for


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """Where effects are counted."""
    path = tmp_path / "effects.log"
    with toolbox(path):
        yield path


@pytest.fixture
def assistant(site: Site) -> Agent:
    """The site's own agent, with the tools of the story."""
    return Agent.objects.create(slug="helper", name="Helper", template_key="assistant", tools=["act", "dare"])


FAILURES = [
    (status(500, {}), "engine_error", ["retry"]),
    (status(401, {}), "engine_auth", []),
    (status(429, {}), "engine_rate_limited", ["retry"]),
    (cut(after=3), "stream_cut", ["retry"]),
    (stall(after=3), "engine_stalled", ["retry"]),
    (error_frame(), "engine_error", ["retry"]),
    (content_filter(), "content_filter", []),
    (context_too_long(), "context_too_long", []),
    (empty(), "empty_answer", ["retry"]),
]


@pytest.mark.parametrize(("reply", "code", "actions"), FAILURES, ids=[code for _, code, _ in FAILURES])
def test_a_failure_has_a_code_a_sentence_and_a_way_on(
    site: Site, assistant: Agent, reply: Reply, code: str, actions: list[str]
) -> None:
    """And what was said before it is kept."""
    site.model.script(reply)
    run = site.until(site.send(site.session(assistant), "hello"))
    assert (run.status, run.code) == ("failed", code)
    assert run.sentence.endswith(".")
    assert set(actions) <= set(run.actions)
    answer = Message.objects.filter(run=run, role="assistant").order_by("position").last()
    assert answer is not None
    assert answer.status in ("incomplete", "completed")
    if code in ("stream_cut", "engine_stalled"):
        assert answer.text


@pytest.mark.parametrize("reply", [malformed_arguments(), truncated_arguments()], ids=["malformed", "truncated"])
def test_broken_arguments_run_nothing_and_the_model_is_told(
    site: Site, assistant: Agent, log: Path, reply: Reply
) -> None:
    """The step fails, the run goes on."""
    site.model.script(reply, text("I see."))
    run = site.until(site.send(site.session(assistant), "hello"))
    assert (run.status, run.text) == ("completed", "I see.")
    [step] = site.steps(run)
    assert step.status == "failed"
    assert step.code in ("malformed_arguments", "unknown_tool")
    assert lines(log) == []


def test_retrying_never_repeats_a_tool_that_ran(site: Site, assistant: Agent, log: Path) -> None:
    """The model fails after its tool ran; Retry asks the model again and nothing else."""
    site.model.script(calls(("act", {"text": "once"})), status(503, {}), text("All done."))
    failed = site.until(site.send(site.session(assistant), "do it"))
    assert failed.status == "failed"
    again = site.until(retry_run(run_id=failed.id))
    assert (again.status, again.text) == ("completed", "All done.")
    assert lines(log) == ["act once"]
    roles = [message["role"] for message in site.model.requests[-1]["messages"]]
    assert roles == ["system", "user", "assistant", "tool"]


def test_after_a_stop_the_next_request_is_well_formed(site: Site, assistant: Agent, log: Path) -> None:
    """Every call that the conversation holds has a result, also one that was never run."""
    session = site.session(assistant)
    site.model.script(calls(("dare", {"text": "x"})), text("Fine."))
    run = site.send(session, "do it")
    site.question(run)
    second = site.send(session, "never mind", strategy="interrupt")
    assert site.until(second).status == "completed"
    messages = site.model.requests[-1]["messages"]
    asked = [call["id"] for message in messages for call in message.get("tool_calls", [])]
    answered = [message["tool_call_id"] for message in messages if message["role"] == "tool"]
    assert asked == answered
    assert len(asked) == 1
    assert lines(log) == []


def _alive(words: str) -> list[str]:
    """The processes whose command line holds `words`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if words in line:
            found.append(line)
    return found


def test_stop_ends_the_process_tree_within_a_second(site: Site) -> None:
    """A real shell in a real sandbox: down to the last child."""
    agent = Agent.objects.create(slug="shell", name="Shell", template_key="assistant", tools=["shell"])
    site.model.script(calls(("shell", {"command": "sleep 86123 & sleep 86124"})))
    run = site.send(site.session(agent), "sleep")
    site.answer(site.question(run), "approve")
    wait_for(lambda: _alive("sleep 86123") and _alive("sleep 86124"))
    stopped_at = time.monotonic()
    cancel_run(run_id=run.id, user=site.owner)
    assert site.until(run).status == "cancelled"
    assert time.monotonic() - stopped_at < 1.0
    assert _alive("sleep 8612") == []
    [step] = site.steps(run)
    assert step.status == "unknown"


async def floods_with_a_secret(ctx: RunContext) -> str:
    """A secret in output that is too long to keep whole."""
    schema = {"type": "object", "properties": {"key": {"type": "string", "format": "password"}}, "required": ["key"]}
    key = (await ctx.ask("Your key?", schema))["key"]
    command = "for i in $(seq 9000); do echo line $i $KEY; done"
    [result] = await ctx.call_tools([ToolRequest("1", "shell", json.dumps({"command": command, "env": {"KEY": key}}))])
    return f"{result.status} {result.data['output_path']}"


def test_a_secret_is_in_no_file_that_the_site_writes(site: Site) -> None:
    """Output past 64 kB goes to the workspace, redacted like the rest."""
    session = site.session(puppet(floods_with_a_secret, tools=["shell"]))
    run = site.send(session, "go")
    site.answer(site.question(run), "submit", values={"key": "hunter2-hunter2"})
    site.answer(site.question(run), "approve")
    status_, path = site.until(run).text.split()
    kept = (workspace_for(session.id) / path).read_text()
    assert status_ == "succeeded"
    assert "hunter2" not in kept
    assert "line 9000 ⟨secret:key⟩" in kept
