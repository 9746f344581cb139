"""REST: `Authorization: Bearer …`."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from agentsite.access.models import User
from agentsite.access.selectors import user_for_token


class BearerAuthentication(BaseAuthentication):
    """The user of an API token; a request without one is left to the session's cookie."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """The user, None without a bearer token; raises AuthenticationFailed for one that is not good."""
        scheme, _, value = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        user = user_for_token(value.decode("latin-1").strip())
        if user is None:
            raise AuthenticationFailed(
                "The API token is unknown, expired or revoked. Make a new one on your account page."
            )
        return user, None

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return 'Bearer realm="agentsite"'


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the API's description names it."""

    target_class = BearerAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """RFC 6750."""
        return {"type": "http", "scheme": "bearer"}
