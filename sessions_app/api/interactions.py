"""Questions to a person, and their answers."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agentsite.core.errors import InvalidError
from sessions_app.api.base import Public, View, do_once, page_of, read_body, user_of
from sessions_app.api.documented import CURSOR, LIMIT, STATUS, InteractionDetail, page
from sessions_app.models import Interaction
from sessions_app.representations import public_interaction
from sessions_app.selectors.conversations import get_interaction, list_interactions
from sessions_app.serializers import Answer
from sessions_app.services.interactions import answer_interaction
from sessions_app.types import InteractionStatus

ALL = "all"


def detailed_interaction(interaction: Interaction) -> Public:
    """A question with its session."""
    return {**public_interaction(interaction), "session_id": str(interaction.session_id)}


class InteractionsView(View):
    """`/api/interactions`."""

    @extend_schema(
        operation_id="interactions_list",
        summary="List questions, the latest first",
        description="The open ones (`pending`) unless `status` names another, or `all`.",
        parameters=[STATUS, CURSOR, LIMIT],
        responses={200: page(InteractionDetail)},
    )
    def get(self, request: Request) -> Response:
        """A page of questions."""
        status = request.query_params.get("status") or str(InteractionStatus.PENDING)
        known = [*InteractionStatus.values, ALL]
        if status not in known:
            raise InvalidError(f"`status` is one of {', '.join(known)}.", details={"field": "status"})
        rows = list_interactions(user_of(request), "" if status == ALL else status)
        return page_of(request, rows, "-created_at", detailed_interaction)


class InteractionView(View):
    """`/api/interactions/<interaction>`."""

    @extend_schema(operation_id="interactions_show", summary="Show a question", responses={200: InteractionDetail})
    def get(self, request: Request, interaction_id: UUID) -> Response:
        """One question, with its answer when it is closed."""
        return Response(detailed_interaction(get_interaction(user_of(request), interaction_id)))


class InteractionAnswerView(View):
    """`POST /api/interactions/<interaction>/answer`."""

    @extend_schema(
        operation_id="interactions_answer",
        summary="Answer a question",
        description="The first answer counts. 409 with the code `already_resolved` has the one that does in "
        "`details.interaction`.",
        request=Answer,
        responses={200: InteractionDetail},
    )
    def post(self, request: Request, interaction_id: UUID) -> Response:
        """Close it with a decision."""
        body = read_body(request, Answer)
        user = user_of(request)
        interaction = get_interaction(user, interaction_id)
        decision = body.chosen()
        if decision is None:
            raise InvalidError("Send either `value` (true or false) or `decision`.", details={"field": "decision"})

        def answer() -> Public:
            answered = answer_interaction(
                interaction_id=interaction.id,
                user=user,
                decision=decision,
                arguments=body.arguments,
                reason=body.reason,
                values=body.values,
                scope=body.scope,
            )
            return detailed_interaction(answered)

        return Response(do_once(request, f"interaction/answer {interaction.id}", body.cmd_id, answer))
