"""A run in the terminal."""

import logging
import os
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from agents_app import selectors as agents
from agents_app.models import Agent
from agents_app.services import ensure_defaults
from agentsite.access.firststart import is_behind, migrate_if_needed
from agentsite.access.models import User
from agentsite.core.errors import AppError, InvalidError
from sessions_app.forms import Answer
from sessions_app.models import Session
from sessions_app.representations import Public
from sessions_app.runner import current
from sessions_app.selectors.conversations import get_interaction, get_session
from sessions_app.services.interactions import AnsweredError, answer_interaction
from sessions_app.services.messages import checked_text, send_message
from sessions_app.services.runs import cancel_run
from sessions_app.services.sessions import create_session
from sessions_app.terminal.following import Follower
from sessions_app.terminal.questions import ask_person, refusal
from sessions_app.terminal.screen import Screen
from sessions_app.terminal.transcript import FrameLines, RunWatch, Transcript

STOPPED = 130
LOUD = 2
NOBODY = "Nobody is at the terminal."


class Command(BaseCommand):
    """`manage.py ask`."""

    help = "Ask an agent: the answer streams to stdout, tool calls and questions go to stderr. Ctrl-C stops the run."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to ask, whom, and how."""
        parser.add_argument("text", help="The message.")
        parser.add_argument("--agent", default="", help="The agent's name (slug); by default the site's default one.")
        parser.add_argument("--session", default="", help="Go on in this session instead of a new one.")
        parser.add_argument("--user", default="", help="Whose session it is; by default the first administrator's.")
        parser.add_argument(
            "--yes", action="store_true", help="Approve whatever the gate asks; what it denies stays denied."
        )
        parser.add_argument("--json", action="store_true", help="Print the frames of the JSON socket, one a line.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Send the message, follow its run to the end, and tell by the exit code how it ended."""
        if options["verbosity"] < LOUD:
            logging.disable(logging.INFO)
        self._screen = Screen(sys.stdin, self.stdout, self.stderr)
        self._agrees: bool = options["yes"]
        try:
            _prepare()
            self._user = _user(options["user"])
            text = checked_text(options["text"])
            session = _session(self._user, options["session"], _agent(options["agent"]))
            current.start_embedded()
            ended = self._run(session, text, json=options["json"])
        except AppError as error:
            raise CommandError(error.message) from error
        finally:
            current.stop_embedded()
            logging.disable(logging.NOTSET)
        if ended["status"] == "cancelled":
            raise CommandError(ended["sentence"], returncode=STOPPED)
        if ended["status"] == "failed":
            raise CommandError(f"{ended['sentence']} ({ended['code']})")

    def _run(self, session: Session, text: str, *, json: bool) -> Public:
        with Follower(session.id, session.seq) as follower:
            interactive = self._screen.has_person or self._agrees
            run = send_message(session_id=session.id, user=self._user, text=text, door="ask", interactive=interactive)
            watch = RunWatch(run.id)
            display = FrameLines(self.stdout, session.id) if json else Transcript(self._screen, watch)
            try:
                return self._follow(follower, watch, display)
            except KeyboardInterrupt:
                cancel_run(run_id=run.id, user=self._user)
                return self._follow(follower, watch, display)
            except BrokenPipeError:
                cancel_run(run_id=run.id, user=self._user)
                _forget_output()
                raise CommandError(
                    "Nobody reads the answer any more; its run is stopped.", returncode=STOPPED
                ) from None

    def _follow(self, follower: Follower, watch: RunWatch, display: Transcript | FrameLines) -> Public:
        """Show the run and put its questions until it has ended."""
        while watch.ended is None:
            batch = follower.next_batch()
            for item in batch:
                watch.take(item)
            display.show(batch)
            while watch.open and watch.ended is None:
                self._answer(watch.open.pop(next(iter(watch.open))))
        display.end(watch.ended)
        return watch.ended

    def _answer(self, row: Public) -> None:
        """Close a question, unless somebody else has."""
        interaction_id = UUID(row["id"])
        while get_interaction(self._user, interaction_id).status == "pending":
            answer = self._chosen(row)
            try:
                answer_interaction(interaction_id=interaction_id, user=self._user, **asdict(answer))
            except AnsweredError as error:
                self._screen.note(error.message)
            except InvalidError as error:
                if not self._screen.has_person:
                    raise
                self._screen.note(error.message)
                for name, sentence in error.details.get("fields", {}).items():
                    self._screen.note(f"  {name}: {sentence}")

    def _chosen(self, row: Public) -> Answer:
        if self._agrees and row["kind"] == "confirmation":
            return Answer("approve")
        return ask_person(self._screen, row) if self._screen.has_person else refusal(row, NOBODY)


def _forget_output() -> None:
    """Spare the interpreter's last flush a pipe that nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _prepare() -> None:
    """Bring the database up to date, as `serve` does."""
    if settings.AGENTSITE.production and is_behind():
        raise CommandError("The database is behind this version of the site. Run: manage.py migrate")
    migrate_if_needed()
    ensure_defaults()


def _user(name: str) -> User:
    people = User.objects.filter(is_active=True)
    user = people.filter(username=name).first() if name else people.filter(is_superuser=True).order_by("pk").first()
    if user is not None:
        return user
    if name:
        raise CommandError(f"There is no active user named {name}. Add people in the admin or with createsuperuser.")
    raise CommandError("There is no administrator yet. Start the site once, or run: manage.py createsuperuser")


def _agent(name: str) -> Agent | None:
    agent = agents.find_agent(name) if name else None
    if name and agent is None:
        known = ", ".join(agent.slug for agent in agents.list_agents())
        raise CommandError(f"There is no agent named {name}. Agents: {known or 'none'}.")
    return agent


def _session(user: User, session_id: str, agent: Agent | None) -> Session:
    if not session_id:
        return create_session(owner=user, agent=agent)
    if agent is not None:
        raise CommandError("A session has its agent already: leave out --agent or --session.")
    try:
        return get_session(user, UUID(session_id))
    except ValueError:
        raise CommandError(f"{session_id} is not a session's id. It stands in the address of its page.") from None
