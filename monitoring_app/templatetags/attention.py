"""`{% attention %}`: the block of the admin's start page that leads to what needs a person."""

from typing import Any

from django import template
from django.template.context import RequestContext

from monitoring_app import selectors

register = template.Library()
PERMISSIONS = ("sessions_app.view_interaction", "sessions_app.view_run", "agents_app.view_engine")


@register.inclusion_tag("admin/attention.html", takes_context=True)
def attention(context: RequestContext) -> dict[str, Any]:
    """What needs a person, for staff who may see sessions and engines."""
    user = context["user"]
    return {"attention": selectors.attention() if user.has_perms(PERMISSIONS) else None}
