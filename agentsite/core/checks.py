"""System checks: what must not be so when people use the site."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning

from agentsite.env import is_weak, unknown_names


@register(Tags.security)
def check_production(**_: Any) -> list[CheckMessage]:
    """Production has no debug pages, a key of its own and named hosts, also when settings were changed in code."""
    if not settings.AGENTSITE.production:
        return []
    found: list[CheckMessage] = []
    if settings.DEBUG:
        found.append(Error("DEBUG is on in production.", hint="Leave AGENTSITE_DEBUG out.", id="agentsite.E001"))
    if is_weak(settings.SECRET_KEY):
        hint = "Leave AGENTSITE_SECRET_KEY out, or type at least 50 random characters."
        found.append(Error("The secret key is easy to guess.", hint=hint, id="agentsite.E002"))
    if "*" in settings.ALLOWED_HOSTS:
        hint = "Type the names that the site answers to into AGENTSITE_HOSTS."
        found.append(Error("The site answers to every host name.", hint=hint, id="agentsite.E003"))
    return found


@register
def check_names(**_: Any) -> list[CheckMessage]:
    """A variable whose name is not known is most likely misspelt."""
    return [
        CheckWarning(
            f"{name} is not a variable of this site.", hint=near and f"Did you mean {near}?", id="agentsite.W001"
        )
        for name, near in unknown_names().items()
    ]
