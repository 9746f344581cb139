"""The application: pages, API and sockets behind one door, without a runtime. Importing it sets Django up."""

from typing import Any, cast

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import re_path

from agentsite.core.asgi_layers import Application, BodyLimit, TrustedProxies

pages = cast(Application, get_asgi_application())

from agentsite.access.socket_authentication import SocketAuthentication  # noqa: E402
from sessions_app.routing import websocket_urlpatterns  # noqa: E402

sockets = URLRouter([*websocket_urlpatterns, re_path("", cast(Any, WebsocketDenier.as_asgi()))])
_protocols = ProtocolTypeRouter(
    {
        "http": BodyLimit(pages, settings.BODY_LIMIT_BYTES),
        "websocket": SocketAuthentication(cast(Application, sockets)),
    }
)
application = TrustedProxies(cast(Application, _protocols), settings.AGENTSITE.trusted_proxies)
