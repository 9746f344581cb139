"""The sockets of this app."""

from typing import Any, cast

from django.urls import re_path

from sessions_app.consumers.html_socket import HtmlSocket
from sessions_app.consumers.json_socket import JsonSocket

websocket_urlpatterns = [
    re_path(r"^api/ws/session/(?P<session_id>[^/]+)/?$", cast("Any", JsonSocket.as_asgi())),
    re_path(r"^ws/chat/(?P<session_id>[^/]+)/?$", cast("Any", HtmlSocket.as_asgi())),
]
