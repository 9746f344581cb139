"""The site for an ASGI server: the application, and the runtime that executes runs in this process."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentsite.settings")

from agentsite.doors import application
from sessions_app.runner.current import start_embedded

__all__ = ["application"]

start_embedded()
