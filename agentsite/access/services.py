"""API tokens, sign-in links and socket tickets: a secret's value is returned once and never stored."""

import secrets
from datetime import timedelta

from django.utils import timezone

from agentsite.access.models import ApiToken, OneTimeSecret, SignInLink, SocketTicket, User
from agentsite.access.selectors import secret_digest
from agentsite.core.errors import InvalidError

LINK_LIFE = timedelta(minutes=15)
TICKET_LIFE = timedelta(seconds=60)
PREFIX_CHARACTERS = 9


def create_token(*, user: User, name: str = "", days: int | None = None) -> tuple[ApiToken, str]:
    """A new API token and its value; it expires after `days`, never when None."""
    if days is not None and not 1 <= days <= 3650:
        raise InvalidError("A token lasts from 1 to 3650 days.")
    value = f"as_{secrets.token_urlsafe(32)}"
    expires_at = None if days is None else timezone.now() + timedelta(days=days)
    token = ApiToken.objects.create(
        user=user, name=name, digest=secret_digest(value), prefix=value[:PREFIX_CHARACTERS], expires_at=expires_at
    )
    return token, value


def revoke_token(*, token: ApiToken) -> ApiToken:
    """End a token now; one that is revoked already keeps its time."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
    token.refresh_from_db()
    return token


def create_sign_in_link(*, user: User) -> str:
    """The secret of a link that signs `user` in once, within 15 minutes."""
    return _create_secret(SignInLink, user, LINK_LIFE)


def use_sign_in_link(*, token: str) -> User | None:
    """Use up a sign-in link: the first caller gets the user, every other None."""
    return _use_secret(SignInLink, token)


def create_socket_ticket(*, user: User) -> str:
    """The secret for `?ticket=` that opens one socket within 60 seconds."""
    return _create_secret(SocketTicket, user, TICKET_LIFE)


def use_socket_ticket(*, token: str) -> User | None:
    """Use up a ticket: the first caller gets the user, every other None."""
    return _use_secret(SocketTicket, token)


def _create_secret(kind: type[OneTimeSecret], user: User, life: timedelta) -> str:
    """Store a secret and drop those whose time is over."""
    now = timezone.now()
    kind._default_manager.filter(expires_at__lt=now).delete()
    value = secrets.token_urlsafe(32)
    kind._default_manager.create(user=user, digest=secret_digest(value), expires_at=now + life)
    return value


def _use_secret(kind: type[OneTimeSecret], value: str) -> User | None:
    """Compare and set: the update that finds the secret unused wins."""
    now = timezone.now()
    secret = kind._default_manager.filter(digest=secret_digest(value), user__is_active=True)
    if not secret.filter(used_at=None, expires_at__gt=now).update(used_at=now):
        return None
    return secret.select_related("user").get().user
