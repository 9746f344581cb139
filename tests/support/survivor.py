"""A site that is killed: one process that lives a whole story, and goes on with it when it is started again.

Every act of the story looks at the database first, so a second start takes it up where the first was killed. It ends
by checking the invariants. `python -m tests.support.survivor` reads a line `{"data_dir", "fault"}` for each life,
forks a fresh process for it, so that importing costs nothing, and answers with a line `{"returncode", "report"}`.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentsite.settings")
django.setup()

from datetime import timedelta  # noqa: E402

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from agents_app.models import Agent  # noqa: E402
from agents_app.types import RunContext  # noqa: E402
from agentsite.access.models import User  # noqa: E402
from agentsite.core import faults  # noqa: E402
from sessions_app.models import Interaction, Message, Run, Session  # noqa: E402
from sessions_app.runner import sweeper  # noqa: E402
from sessions_app.runner.runtime import Runtime  # noqa: E402
from sessions_app.services.commands import once  # noqa: E402
from sessions_app.services.interactions import answer_interaction  # noqa: E402
from sessions_app.services.messages import edit_queued_message, send_message  # noqa: E402
from sessions_app.services.runs import cancel_session, retry_run  # noqa: E402
from sessions_app.services.sessions import create_session, delete_session, update_session  # noqa: E402
from sessions_app.types import ENDED  # noqa: E402
from tests.support.model_server import ModelServer, text  # noqa: E402
from tests.support.puppets import PROGRAMS, puppet  # noqa: E402
from tests.support.site import check_journal, use_model, wait_for  # noqa: E402
from tests.support.story import call  # noqa: E402
from tests.support.toolbox import toolbox  # noqa: E402

FORM = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = ["peek", "put", "act", "dare"]


async def everything(ctx: RunContext) -> str:
    """Every kind of effect once."""
    reply = await ctx.complete([ctx.prompt])
    results = await ctx.call_tools([call("peek", "a"), call("put", "b"), call("act", "c"), call("dare", "d")])
    city = (await ctx.ask("Which city?", FORM))["city"]
    child = await ctx.delegate("puppet-child", "x")
    done = " ".join(result.status for result in results)
    return f"{reply.text} | {done} | {city} | {child.text}"


async def child(ctx: RunContext) -> str:
    """An unsafe call of its own."""
    [result] = await ctx.call_tools([call("act", "e")])
    return result.status


async def waits(ctx: RunContext) -> str:
    """A question, to be stopped at."""
    await ctx.ask("Never answered?" if ctx.prompt.content == "stop me" else "Which city?", FORM)
    await asyncio.sleep(0)
    return "answered"


async def talks(ctx: RunContext) -> str:
    """A long answer, to be released from."""
    return (await ctx.complete([ctx.prompt])).text


def main() -> None:
    """One life after another, each in a process of its own."""
    for line in sys.stdin:
        asked = json.loads(line)
        report = Path(asked["data_dir"]) / "report.json"
        report.unlink(missing_ok=True)
        child = os.fork()
        if not child:
            _move_to(Path(asked["data_dir"]))
            _live(asked["fault"], report)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        told = json.loads(report.read_text()) if report.exists() else None
        print(json.dumps({"returncode": os.waitstatus_to_exitcode(status), "report": told}), flush=True)


def _move_to(data_dir: Path) -> None:
    """Point the settings, read before the fork, at this life's data."""
    settings.AGENTSITE = settings.AGENTSITE.model_copy(update={"data_dir": data_dir})
    connection.settings_dict["NAME"] = str(data_dir / "db.sqlite3")


def _log() -> Path:
    """Where effects are counted."""
    return Path(settings.AGENTSITE.data_dir) / "effects.log"


def _live(fault: str, report: Path) -> None:
    """Live the story, then check what is left."""
    if fault:
        faults.arm_from(fault)
    with toolbox(_log()), ModelServer() as model:
        user, _ = User.objects.get_or_create(username="alice")
        use_model(model)
        for program, tools in ((everything, TOOLS), (child, ["act"]), (waits, ()), (talks, ())):
            _agent(program, tools)
        runtime = Runtime().start()
        _main_story(user, model)
        _stopped_story(user)
        delete_session(session_id=_session(user, "doomed", "puppet-talks").id, user=user)
        _released_story(user, runtime, model)
        sweeper.compact(timezone.now() + timedelta(minutes=5))
        runtime = Runtime().start()
        _settle(user, Run.objects.values_list("session_id", flat=True).distinct())
        runtime.stop()
        report.write_text(json.dumps(_checked()))


def _agent(program: object, tools: object) -> Agent:
    name = f"puppet-{program.__name__}"  # type: ignore[attr-defined]
    found = Agent.objects.filter(slug=name).first()
    PROGRAMS[name] = program  # type: ignore[assignment]
    return found or puppet(program, tools=tools)  # type: ignore[arg-type]


def _session(user: User, title: str, agent: str) -> Session:
    return Session.objects.filter(title=title).first() or create_session(
        owner=user, agent=Agent.objects.get(slug=agent), title=title
    )


def _say(user: User, session: Session, words: str) -> Run:
    """Say it once, however often this process is killed."""

    def send() -> dict[str, str]:
        return {"run": str(send_message(session_id=session.id, user=user, text=words).id)}

    return Run.objects.get(id=once(user=user, cmd_id=f"{session.id}{words}"[:64], action=send)["run"])


def _main_story(user: User, model: ModelServer) -> None:
    session = _session(user, "main", "puppet-everything")
    model.script(text("hello " * 30, tokens_per_second=400))
    run = _say(user, session, "go")
    queued = _say(user, session, "again")
    message = Message.objects.filter(run=queued, status="queued").first()
    if message is not None and message.text != "once more":
        edit_queued_message(message_id=message.id, text="once more")
    if session.agent is not None and session.agent.name != "puppet-everything":
        update_session(session_id=session.id, title="main")
    update_session(session_id=session.id, title="main")
    _settle(user, [session.id])
    assert Run.objects.get(id=run.id).status == "completed", Run.objects.get(id=run.id).sentence


def _stopped_story(user: User) -> None:
    session = _session(user, "stopped", "puppet-waits")
    run = _say(user, session, "stop me")
    wait_for(lambda: Run.objects.get(id=run.id).status in ("waiting", *ENDED))
    cancel_session(session_id=session.id, user=user)
    wait_for(lambda: Run.objects.get(id=run.id).status in ENDED)
    if not Run.objects.filter(retry_of=run).exists():
        retry_run(run_id=run.id)
    again = Run.objects.get(retry_of=run)
    wait_for(lambda: Run.objects.get(id=again.id).status in ("waiting", *ENDED))
    cancel_session(session_id=session.id, user=user)


def _released_story(user: User, runtime: Runtime, model: ModelServer) -> None:
    session = _session(user, "released", "puppet-talks")
    model.script(text("word " * 300, tokens_per_second=100))
    run = _say(user, session, "talk")
    wait_for(lambda: Message.objects.filter(run=run, role="assistant").exists())
    runtime.stop()


def _settle(user: User, sessions: object) -> None:
    """Answer as an honest person would, until everything has ended."""
    ids = list(sessions)  # type: ignore[call-overload]
    deadline = time.monotonic() + 30
    while Run.objects.filter(session_id__in=ids).exclude(status__in=ENDED).exists():
        assert time.monotonic() < deadline, list(Run.objects.values_list("status", "wait_reason", "code"))
        for question in Interaction.objects.filter(session_id__in=ids, status="pending"):
            _answer(user, question)
        time.sleep(0.02)


def _answer(user: User, question: Interaction) -> None:
    decision, values = "approve", None
    if question.kind == "input":
        decision, values = "submit", {"city": "Bern"}
    elif question.kind == "recovery":
        done = f"{question.tool} {question.arguments['text']} " in (_log().read_text() if _log().exists() else "")
        decision = "happened" if done else "run_again"
    answer_interaction(interaction_id=question.id, user=user, decision=decision, values=values)


def _checked() -> dict[str, object]:
    """The invariants, from the rows and from the log of effects."""
    effects = [line.split() for line in _log().read_text().splitlines()]
    unsafe = [key for tool, _, key in effects if tool in ("act", "dare")]
    for session in Session.objects.all():
        if session.min_seq == 0:
            check_journal(session.id, compacted=True)
    return {
        "unsafe": len(unsafe),
        "distinct": len(set(unsafe)),
        "open": Run.objects.exclude(status__in=ENDED).count(),
        "texts": sorted(Run.objects.filter(parent=None, status="completed").values_list("text", flat=True)),
        "recoveries": Interaction.objects.filter(kind="recovery").count(),
    }


if __name__ == "__main__":
    main()
