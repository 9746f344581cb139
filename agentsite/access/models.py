"""Users, API tokens, one-time sign-in links and socket tickets. Only digests of secrets are stored."""

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models

from agentsite.core.models import BaseModel


class User(AbstractUser):
    """A person or an integration that signs in."""


class ApiToken(BaseModel):
    """A bearer token of one user: the SHA-256 of its value, an optional expiry, when it was last used."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, blank=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(max_length=12, editable=False, help_text="The first characters, to tell tokens apart.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.prefix}… {self.name}".strip()


class OneTimeSecret(BaseModel):
    """A secret that stands for one user, once, until it expires: the SHA-256 of its value."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} of user {self.user_id}"


class SignInLink(OneTimeSecret):
    """A link that signs one user in once, within 15 minutes; made in development only."""


class SocketTicket(OneTimeSecret):
    """Opens one socket within 60 seconds, for a page of another origin that cannot send a header."""
