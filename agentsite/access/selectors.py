"""Who a token stands for."""

import hashlib
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from agentsite.access.models import ApiToken, User

TOUCH_EVERY = timedelta(minutes=1)


def secret_digest(value: str) -> str:
    """The SHA-256 under which a secret is stored: the secrets are random, so no salt and no slow hash is needed."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def valid_tokens() -> QuerySet[ApiToken]:
    """Tokens that are neither revoked nor expired, of users who may sign in."""
    alive = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return ApiToken.objects.filter(alive, revoked_at=None, user__is_active=True)


def user_for_token(value: str) -> User | None:
    """The user that a bearer token stands for, None when it is not good; its last use is noted once a minute."""
    token = valid_tokens().filter(digest=secret_digest(value)).select_related("user").first()
    if token is None:
        return None
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - TOUCH_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token.user


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """The tokens that a user can see and revoke, the newest first."""
    return ApiToken.objects.filter(user=user, revoked_at=None)
