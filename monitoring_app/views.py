"""Health for operators and probes for whatever watches the process. Strangers learn one word."""

import asyncio
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from agentsite.access.models import User
from agentsite.access.selectors import user_for_token
from monitoring_app import health
from monitoring_app.types import Level, Report

RECOGNITION_SECONDS = 2.0


@never_cache
@require_safe
async def health_report(request: HttpRequest) -> JsonResponse:
    """How well the site works; staff see each part. 503 when the database or the executor is down."""
    report = await health.examine_site()
    body: dict[str, Any] = {"status": report.level}
    if await _is_staff(request):
        body["parts"] = {
            part.name: {"status": part.level, "sentence": part.sentence, "milliseconds": part.milliseconds}
            for part in report.parts
        }
    return JsonResponse(body, status=_status_code(report))


@never_cache
@require_safe
async def ready(request: HttpRequest) -> JsonResponse:
    """Whether this process should be sent requests: the database takes writes and runs are executed."""
    report = await health.examine_vital_parts()
    return JsonResponse({"status": report.level}, status=_status_code(report))


@never_cache
@require_safe
async def live(request: HttpRequest) -> JsonResponse:
    """Whether this process answers at all; when it does not, restart it."""
    return JsonResponse({"status": Level.OK})


def _status_code(report: Report) -> int:
    return 503 if report.level is Level.DOWN else 200


async def _is_staff(request: HttpRequest) -> bool:
    """Whether an operator asks, by cookie or token. A database that cannot tell makes everybody a stranger."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        async with asyncio.timeout(RECOGNITION_SECONDS):
            by_token = scheme.lower() == "bearer"
            user = await health.in_thread(user_for_token, token.strip()) if by_token else await request.auser()
    except (TimeoutError, DatabaseError):
        return False
    return isinstance(user, User) and user.is_staff and user.is_active
