"""The JSON socket: one session's frames out, commands in.

Commands are carried out one after another in a task of their own, which lives on when the client goes: what was sent is
done. Who sends is looked up again for each.
"""

import asyncio
import logging
from collections import deque
from typing import Any
from uuid import UUID

from agentsite.access.models import User
from agentsite.core.errors import AppError, InvalidError, NotFoundError
from agentsite.core.http import InternalError
from agentsite.core.reading import in_database
from sessions_app.consumers.base import Close, SessionSocket, in_thread
from sessions_app.consumers.identity import signed_in_user
from sessions_app.fold import JournalEvent, State
from sessions_app.protocol.commands import (
    Cancel,
    Command,
    Confirm,
    ConnectionAcknowledged,
    Heartbeat,
    SendMessage,
    UserInput,
)
from sessions_app.protocol.incoming import UnreadableError, read_command
from sessions_app.protocol.outgoing import RESTARTING, Writer, encode, error_detail, ready
from sessions_app.protocol.states import initial_state
from sessions_app.reader import Item, Resync, Text
from sessions_app.representations import public_interaction
from sessions_app.selectors.conversations import count_messages, get_interaction, get_session, list_open_questions
from sessions_app.serializers import Answer
from sessions_app.services import interactions, messages, runs
from sessions_app.services.commands import once

DOOR = "socket"
WAITING_COMMANDS = 64
logger = logging.getLogger(__name__)
_working: set[asyncio.Task[None]] = set()


class HangUpError(Exception):
    """The socket is to be closed with `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class WhichQuestionError(InvalidError):
    """An answer without an id that could mean several questions, or one that was not shown here."""

    code = "which_question"


class JsonSocket(SessionSocket):
    """`/api/ws/session/<session>?after=`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._questions: set[UUID] = set()
        self._commands: deque[Command] = deque()
        self._working: asyncio.Task[None] | None = None

    async def opened(self, state: State | None) -> None:
        """Say hello with all there is, or nothing to a client that has a cursor."""
        self._writer = Writer(self.session_id)
        if state is not None:
            await self.send_text(ready(self.session_id))
            await self._send_state(state)

    async def show(self, items: list[Item]) -> None:
        """Send what came, in order."""
        facts: list[JournalEvent | Text] = []
        for item in items:
            if isinstance(item, Resync):
                facts = []
                await self._send_state(item.state)
            else:
                facts.append(item)
        await self._send_facts(facts)

    async def say_restarting(self) -> None:
        """The last frame before the server restarts."""
        await self.send_text(RESTARTING)

    async def take(self, text: str) -> None:
        """Read a frame; answer it at once, or queue it."""
        try:
            command = read_command(text)
        except UnreadableError as error:
            await self._reply(error.cmd_id, error=error)
            return
        if isinstance(command, Heartbeat):
            await self.send_text(encode({"type": "heartbeat", "timestamp": command.timestamp}))
        elif not isinstance(command, ConnectionAcknowledged):
            await self._queue(command)

    async def _send_state(self, state: State) -> None:
        self._questions = {UUID(row["id"]) for row in state["interactions"].values() if row["status"] == "pending"}
        saved = await in_database(count_messages, self.session_id)
        await self.send_text(encode(initial_state(self.session_id, state, saved)))

    async def _send_facts(self, facts: list[JournalEvent | Text]) -> None:
        for fact in facts:
            if isinstance(fact, JournalEvent) and fact.subject is not None:
                self._remember_question(fact.type, fact.subject)
        for _, frame in self._writer.write(facts):
            await self.send_text(frame)

    def _remember_question(self, type_: str, interaction_id: UUID) -> None:
        if type_ == "interaction.requested":
            self._questions.add(interaction_id)
        elif type_ == "interaction.resolved":
            self._questions.discard(interaction_id)

    async def _queue(self, command: Command) -> None:
        if len(self._commands) >= WAITING_COMMANDS and self._working is not None:
            await asyncio.wait({self._working})
        self._commands.append(command)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
            _working.add(self._working)
            self._working.add_done_callback(_working.discard)

    async def _work(self) -> None:
        while self._commands:
            await self._carry_out(self._commands.popleft())

    async def _carry_out(self, command: Command) -> None:
        try:
            result = await in_thread(self._perform)(command)
        except HangUpError as error:
            await self.hang_up(error.code)
        except AppError as error:
            await self._reply(command.cmd_id, error=error)
        except Exception:
            logger.exception("A command failed.")
            await self._reply(command.cmd_id, error=InternalError())
        else:
            await self._reply(command.cmd_id, result=result)

    async def _reply(self, cmd_id: str, *, result: dict[str, Any] | None = None, error: AppError | None = None) -> None:
        """An ack when the command had an id; else silence, or an error frame."""
        try:
            if cmd_id and error is None:
                await self.send_text(encode({"type": "ack", "cmd_id": cmd_id, "ok": True, "result": result}))
            elif cmd_id and error is not None:
                detail = error_detail(error)
                await self.send_text(encode({"type": "ack", "cmd_id": cmd_id, "ok": False, "error": detail}))
            elif error is not None:
                await self.send_text(encode({"type": "error", "error": error_detail(error)}))
        except OSError:
            logger.debug("A client went away before its command was done.")

    def _perform(self, command: Command) -> dict[str, Any]:
        """Check again who sends and whose session it is, and do it once. Raises HangUpError and AppError."""
        user = signed_in_user(self.scope)
        if user is None:
            raise HangUpError(Close.SIGNED_OUT)
        try:
            get_session(user, self.session_id)
        except NotFoundError:
            raise HangUpError(Close.NOT_FOUND) from None
        name = f"{type(command).__name__} {self.session_id}"
        return once(user=user, cmd_id=command.cmd_id, name=name, action=lambda: self._do(user, command))

    def _do(self, user: User, command: Command) -> dict[str, Any]:
        match command:
            case SendMessage():
                return self._do_message(user, command)
            case Confirm() | UserInput():
                return self._do_answer(user, command.interaction_id, command.answer())
            case Cancel():
                return {"status": runs.cancel_session(session_id=self.session_id, user=user)}
        raise TypeError(command)

    def _do_message(self, user: User, command: SendMessage) -> dict[str, Any]:
        run = messages.send_message(
            session_id=self.session_id, user=user, text=command.content, strategy=command.strategy, door=DOOR
        )
        return {"run_id": str(run.id), "message_id": str(run.prompt_id)}

    def _do_answer(self, user: User, interaction_id: UUID | None, answer: Answer) -> dict[str, Any]:
        decision = answer.chosen()
        if decision is None:
            raise InvalidError("Send either `value` (true or false) or `decision`.", details={"field": "decision"})
        if interaction_id is None:
            interaction_id = self._only_question()
        elif get_interaction(user, interaction_id).session_id != self.session_id:
            raise NotFoundError
        interaction = interactions.answer_interaction(
            interaction_id=interaction_id,
            user=user,
            decision=decision,
            arguments=answer.arguments,
            reason=answer.reason,
            values=answer.values,
            scope=answer.scope,
        )
        return {"interaction": public_interaction(interaction)}

    def _only_question(self) -> UUID:
        """The question that an answer without an id means. Raises WhichQuestionError."""
        open_ = list(list_open_questions(self.session_id))
        if len(open_) == 1 and open_[0] in self._questions:
            return open_[0]
        message = "No question is open." if not open_ else "Name the question that this answers: `interaction_id`."
        raise WhichQuestionError(message, details={"open": [str(each) for each in open_]})
