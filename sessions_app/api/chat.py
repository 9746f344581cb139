"""The three calls that a chat needs: say something, stop, see how it stands."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents_app.models import Agent
from agents_app.selectors import find_agent
from agentsite.access.models import User
from agentsite.core.errors import InvalidError
from sessions_app import broker
from sessions_app.api.base import Public, View, do_once, read_body, read_number, user_of
from sessions_app.api.documented import BEFORE, CancelAnswer, ChatAnswer, SessionState
from sessions_app.protocol.states import initial_state
from sessions_app.selectors import journal
from sessions_app.selectors.conversations import count_messages, get_session, live_run
from sessions_app.serializers import ChatCompletion, CommandBody
from sessions_app.services.messages import checked_text, send_message
from sessions_app.services.runs import cancel_session
from sessions_app.services.sessions import create_session

DOOR = "rest"


def named_agent(name: str | None) -> Agent | None:
    """The agent of this slug or id, None for no name. Raises InvalidError."""
    if not name:
        return None
    agent = find_agent(name)
    if agent is None:
        raise InvalidError("There is no such agent. `GET /api/agents` lists them.", details={"field": "agent"})
    return agent


class ChatCompletionView(View):
    """`POST /api/chat/completion`."""

    @extend_schema(
        operation_id="chat_completion",
        summary="Say something to an agent",
        description="Starts a run. Follow it over the socket, the event stream or `GET /api/session/<session>`.",
        request=ChatCompletion,
        responses={201: ChatAnswer},
    )
    def post(self, request: Request) -> Response:
        """Send a message, in a new session unless one is named."""
        body = read_body(request, ChatCompletion)
        user = user_of(request)
        session_id = get_session(user, body.session_id).id if body.session_id else None
        name = f"chat/completion {session_id or 'new'}"
        return Response(do_once(request, name, body.cmd_id, lambda: _send(user, session_id, body)), status=201)


def _send(user: User, session_id: UUID | None, body: ChatCompletion) -> Public:
    text = checked_text(body.query)
    if session_id is None:
        session_id = create_session(owner=user, agent=named_agent(body.agent)).id
    elif body.agent:
        raise InvalidError(
            "A session keeps its agent. Leave `agent` out, or change it with PATCH.", details={"field": "agent"}
        )
    run = send_message(session_id=session_id, user=user, text=text, strategy=body.strategy, door=DOOR)
    return {
        "session_id": str(session_id),
        "run_id": str(run.id),
        "message_id": str(run.prompt_id),
        "query": run.prompt_text,
    }


class ChatCancelView(View):
    """`POST /api/chat/cancel/<session>`."""

    @extend_schema(
        operation_id="chat_cancel",
        summary="Stop what is on in a session",
        description="Messages that wait are taken back. `cancelling` means that what runs stops within a second.",
        request=CommandBody,
        responses={200: CancelAnswer},
    )
    def post(self, request: Request, session_id: UUID) -> Response:
        """Stop everything in the session; doing so again changes nothing."""
        body = read_body(request, CommandBody)
        user = user_of(request)
        session = get_session(user, session_id)
        name = f"chat/cancel {session.id}"

        def cancel() -> Public:
            return {"status": cancel_session(session_id=session.id, user=user)}

        return Response(do_once(request, name, body.cmd_id, cancel))


class SessionStateView(View):
    """`GET /api/session/<session>`."""

    @extend_schema(
        operation_id="session_state",
        summary="See how a session stands",
        description="The socket's `initial_state`: `state_messages` are frames that rebuild the page.",
        parameters=[BEFORE],
        responses={200: SessionState},
    )
    def get(self, request: Request, session_id: UUID) -> Response:
        """The snapshot, or an older page of it."""
        session = get_session(user_of(request), session_id)
        before = read_number(request, "before")
        state = journal.snapshot(session.id, before=before)
        fields = initial_state(session.id, state, count_messages(session.id))
        del fields["type"]
        is_connected = session.id in broker.watched_sessions()
        return Response({**fields, "is_connected": is_connected, "task_exists": live_run(session.id) is not None})
