"""Commands that may be sent twice: the first answer is stored with what it made, a repeat returns it."""

from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction

from agentsite.access.models import User
from agentsite.core.errors import ConflictError, InvalidError
from sessions_app import faults
from sessions_app.models import Command

Result = dict[str, Any]


class CommandIdError(ConflictError):
    """A `cmd_id` that has been used for another command."""

    code = "cmd_id_used"


def once(*, user: User, cmd_id: str, action: Callable[[], Result], name: str = "") -> Result:
    """Do `action` once for this user and `cmd_id`; with an empty one, always.

    What it raises is not stored.     `name` tells commands apart: a `cmd_id` that another one has used raises
    CommandIdError, lest its answer be taken for this one's.
    """
    if not cmd_id:
        return action()
    if len(cmd_id) > 64:
        raise InvalidError("`cmd_id` has at most 64 characters.", details={"field": "cmd_id"})
    try:
        with transaction.atomic():
            transaction.on_commit(lambda: faults.point("command.do.after"))
            command = Command.objects.create(user=user, cmd_id=cmd_id)
            command.result = {"name": name, "answer": action()}
            command.save(update_fields=["result"])
            faults.point("command.do.before")
    except IntegrityError:
        stored = Command.objects.filter(user=user, cmd_id=cmd_id).first()
        if stored is None:
            raise
        if stored.result["name"] != name:
            raise CommandIdError(
                "This `cmd_id` was used for something else. Make a new one for each command."
            ) from None
        return dict(stored.result["answer"])
    return dict(command.result["answer"])
