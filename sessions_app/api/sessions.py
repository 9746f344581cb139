"""Sessions, their messages and their events."""

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agentsite.access.models import User
from agentsite.core.errors import ConflictError, NotFoundError
from sessions_app.api.base import Public, View, do_once, page_of, read_body, read_number, user_of
from sessions_app.api.chat import named_agent
from sessions_app.api.documented import AFTER, BEFORE, CURSOR, LIMIT, EventPage, MessagePage, SessionDetail, page
from sessions_app.models import Session
from sessions_app.representations import public_message, public_session
from sessions_app.selectors import journal
from sessions_app.selectors.conversations import get_message, get_session, list_sessions
from sessions_app.serializers import ListedSessionRow, MessageRow, MessageUpdate, SessionCreate, SessionUpdate
from sessions_app.services.messages import edit_queued_message, withdraw_message
from sessions_app.services.sessions import create_session, delete_session, update_session

MESSAGES = 100
EVENTS = 500
QUERY = OpenApiParameter("query", str, description="Only those whose title or messages contain this.")


class CursorError(ConflictError):
    """The journal does not reach back, or not yet up, to that cursor."""

    code = "cursor_unusable"


def listed_session(session: Session) -> Public:
    """A session as lists show it; it comes from `list_sessions`."""
    return {
        **public_session(session),
        "active_at": session.active_at.isoformat(),
        "is_running": getattr(session, "is_running"),  # noqa: B009 annotated by the selector
        "is_waiting": getattr(session, "is_waiting"),  # noqa: B009
    }


def detailed_session(user: User, session_id: UUID) -> Public:
    """A session by itself. Raises NotFoundError."""
    session = list_sessions(user).filter(id=session_id).first()
    if session is None:
        raise NotFoundError
    return {**listed_session(session), "seq": session.seq}


class SessionsView(View):
    """`/api/sessions`."""

    @extend_schema(
        operation_id="sessions_list",
        summary="List your sessions, the latest first",
        parameters=[QUERY, CURSOR, LIMIT],
        responses={200: page(ListedSessionRow)},
    )
    def get(self, request: Request) -> Response:
        """A page of sessions."""
        query = request.query_params.get("query", "").strip()
        return page_of(request, list_sessions(user_of(request), query), "-active_at", listed_session)

    @extend_schema(
        operation_id="sessions_create",
        summary="Make an empty session",
        request=SessionCreate,
        responses={201: SessionDetail},
    )
    def post(self, request: Request) -> Response:
        """A new session."""
        body = read_body(request, SessionCreate)
        user = user_of(request)

        def create() -> Public:
            session = create_session(owner=user, agent=named_agent(body.agent), title=body.title)
            return detailed_session(user, session.id)

        return Response(do_once(request, "sessions", body.cmd_id, create), status=201)


class SessionView(View):
    """`/api/sessions/<session>`."""

    @extend_schema(operation_id="sessions_show", summary="Show a session", responses={200: SessionDetail})
    def get(self, request: Request, session_id: UUID) -> Response:
        """One session."""
        return Response(detailed_session(user_of(request), session_id))

    @extend_schema(
        operation_id="sessions_update",
        summary="Rename a session or give it another agent",
        request=SessionUpdate,
        responses={200: SessionDetail},
    )
    def patch(self, request: Request, session_id: UUID) -> Response:
        """Change what is named."""
        body = read_body(request, SessionUpdate)
        session = get_session(user_of(request), session_id)
        update_session(session_id=session.id, title=body.title, agent=named_agent(body.agent))
        return Response(detailed_session(user_of(request), session_id))

    @extend_schema(
        operation_id="sessions_delete",
        summary="Delete a session",
        description="With all that belongs to it. 409 while its run is being stopped: delete it again in a moment.",
        responses={204: None},
    )
    def delete(self, request: Request, session_id: UUID) -> Response:
        """Stop what is on and delete everything."""
        session = get_session(user_of(request), session_id)
        delete_session(session_id=session.id, user=user_of(request))
        return Response(status=204)


class SessionMessagesView(View):
    """`/api/sessions/<session>/messages`."""

    @extend_schema(
        operation_id="sessions_messages",
        summary="Read a session's messages",
        description="The last ones, in order; page back with `before`.",
        parameters=[BEFORE, LIMIT],
        responses={200: MessagePage},
    )
    def get(self, request: Request, session_id: UUID) -> Response:
        """A page of messages; a streaming one has the text that is stored so far."""
        session = get_session(user_of(request), session_id)
        limit = read_number(request, "limit", default=MESSAGES, most=MESSAGES)
        state = journal.snapshot(session.id, messages=max(limit or 1, 1), before=read_number(request, "before"))
        rows = sorted(state["messages"].values(), key=lambda row: row["position"])
        return Response({"results": rows, "before": state["before"]})


class SessionEventsView(View):
    """`/api/sessions/<session>/events`."""

    @extend_schema(
        operation_id="sessions_events",
        summary="Read a session's journal",
        description="Events after a seq, in order. `next` is the seq to go on after, null at the end. "
        "409 with the code `cursor_unusable` when events after it are no longer kept: begin with the session's state.",
        parameters=[AFTER, LIMIT],
        responses={200: EventPage},
    )
    def get(self, request: Request, session_id: UUID) -> Response:
        """A page of events."""
        session = get_session(user_of(request), session_id)
        after = read_number(request, "after", default=session.min_seq) or 0
        limit = max(read_number(request, "limit", default=EVENTS, most=EVENTS) or 1, 1)
        if not session.min_seq <= after <= session.seq:
            message = "Events after this seq are not kept. Read GET /api/session/<session> and follow from its seq."
            raise CursorError(message, details={"seq": session.seq, "min_seq": session.min_seq})
        events = journal.events_after(session.id, after, limit)
        rows = [{name: getattr(event, name) for name in EVENT_FIELDS} for event in events]
        return Response({"results": rows, "next": events[-1].seq if len(events) == limit else None})


EVENT_FIELDS = ("seq", "type", "run_id", "subject", "data", "created_at")


class MessageView(View):
    """`/api/messages/<message>`."""

    @extend_schema(operation_id="messages_show", summary="Show a message", responses={200: MessageRow})
    def get(self, request: Request, message_id: UUID) -> Response:
        """One message; the text of a streaming one is in the stream."""
        return Response(public_message(get_message(user_of(request), message_id)))

    @extend_schema(
        operation_id="messages_update",
        summary="Change a message that waits",
        description="409 when its run has begun.",
        request=MessageUpdate,
        responses={200: MessageRow},
    )
    def patch(self, request: Request, message_id: UUID) -> Response:
        """Give it another text."""
        body = read_body(request, MessageUpdate)
        message = get_message(user_of(request), message_id)
        return Response(public_message(edit_queued_message(message_id=message.id, text=body.text)))

    @extend_schema(
        operation_id="messages_withdraw",
        summary="Take back a message that waits",
        description="It stays readable as `withdrawn`. 409 when its run has begun.",
        responses={200: MessageRow},
    )
    def delete(self, request: Request, message_id: UUID) -> Response:
        """Withdraw it with its run."""
        message = get_message(user_of(request), message_id)
        return Response(public_message(withdraw_message(message_id=message.id, user=user_of(request))))
