"""Runs and their steps."""

from collections.abc import Callable
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agentsite.core.errors import InvalidError
from sessions_app.api.base import Public, View, do_once, page_of, read_body, user_of
from sessions_app.api.documented import CURSOR, LIMIT, STATUS, CancelAnswer, RunDetail, listing, page
from sessions_app.models import Run
from sessions_app.representations import public_run, public_step
from sessions_app.selectors.conversations import get_run, get_session, list_runs, list_steps
from sessions_app.serializers import CommandBody, StepRow
from sessions_app.services import runs
from sessions_app.types import RunStatus

SESSION = OpenApiParameter("session_id", UUID, description="Only those of this session.")


def detailed_run(run: Run) -> Public:
    """A run with its session."""
    return {**public_run(run), "session_id": str(run.session_id)}


def read_id(request: Request, name: str) -> UUID | None:
    """An id of the query. Raises InvalidError."""
    value = request.query_params.get(name)
    try:
        return UUID(value) if value else None
    except ValueError:
        raise InvalidError(f"`{name}` is the id of a row.", details={"field": name}) from None


class RunsView(View):
    """`/api/runs`."""

    @extend_schema(
        operation_id="runs_list",
        summary="List runs, the latest first",
        parameters=[SESSION, STATUS, CURSOR, LIMIT],
        responses={200: page(RunDetail)},
    )
    def get(self, request: Request) -> Response:
        """A page of your runs."""
        status = request.query_params.get("status", "")
        if status and status not in RunStatus.values:
            raise InvalidError(f"`status` is one of {', '.join(RunStatus.values)}.", details={"field": "status"})
        session_id = read_id(request, "session_id")
        if session_id is not None:
            get_session(user_of(request), session_id)
        rows = list_runs(user_of(request), session_id=session_id, status=status)
        return page_of(request, rows, "-queued_at", detailed_run)


class RunView(View):
    """`/api/runs/<run>`."""

    @extend_schema(operation_id="runs_show", summary="Show a run", responses={200: RunDetail})
    def get(self, request: Request, run_id: UUID) -> Response:
        """One run."""
        return Response(detailed_run(get_run(user_of(request), run_id)))


class RunStepsView(View):
    """`/api/runs/<run>/steps`."""

    @extend_schema(
        operation_id="runs_steps",
        summary="List what a run did",
        description="Its recorded effects in order; no run has more than its limits allow.",
        responses={200: listing(StepRow)},
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """The steps of one run."""
        steps = list_steps(get_run(user_of(request), run_id).id)
        return Response({"results": [public_step(step) for step in steps]})


class RunCancelView(View):
    """`POST /api/runs/<run>/cancel`."""

    @extend_schema(operation_id="runs_cancel", summary="Stop a run", request=CommandBody, responses={200: CancelAnswer})
    def post(self, request: Request, run_id: UUID) -> Response:
        """Stop one run; doing so again changes nothing."""
        body = read_body(request, CommandBody)
        run = get_run(user_of(request), run_id)

        def cancel() -> Public:
            return {"status": runs.cancel_run(run_id=run.id, user=user_of(request))}

        return Response(do_once(request, f"run/cancel {run.id}", body.cmd_id, cancel))


def _take_up(request: Request, run_id: UUID, name: str, action: Callable[[UUID], Run]) -> Response:
    body = read_body(request, CommandBody)
    run = get_run(user_of(request), run_id)
    answer = do_once(request, f"run/{name} {run.id}", body.cmd_id, lambda: detailed_run(action(run.id)))
    return Response(answer, status=201)


class RunRetryView(View):
    """`POST /api/runs/<run>/retry`."""

    @extend_schema(
        operation_id="runs_retry",
        summary="Run it again from where it failed",
        description="A new run takes over what was recorded, so no tool runs twice. 409 when `actions` has no retry.",
        request=CommandBody,
        responses={201: RunDetail},
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """Make the new run."""
        return _take_up(request, run_id, "retry", lambda id_: runs.retry_run(run_id=id_))


class RunContinueView(View):
    """`POST /api/runs/<run>/continue`."""

    @extend_schema(
        operation_id="runs_continue",
        summary="Go on past a limit",
        description="A new run takes over what was recorded, with the limit that was hit doubled. "
        "409 when `actions` has no continue.",
        request=CommandBody,
        responses={201: RunDetail},
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """Make the new run."""
        return _take_up(request, run_id, "continue", lambda id_: runs.continue_run(run_id=id_))
