"""Runs commands in bubblewrap: no network, own namespaces, only the workspace writable, everything bounded."""

from tools_app.sandbox.command import owner_of
from tools_app.sandbox.detection import INSTALL, SandboxStatus, status
from tools_app.sandbox.filesystem import WORKSPACE as MOUNT_POINT
from tools_app.sandbox.filesystem import interpreter
from tools_app.sandbox.limits import DEFAULT_LIMITS, Finished, Limits, Reason, SandboxError
from tools_app.sandbox.process import run_sandboxed
from tools_app.sandbox.watcher import measure

__all__ = [
    "DEFAULT_LIMITS",
    "INSTALL",
    "MOUNT_POINT",
    "Finished",
    "Limits",
    "Reason",
    "SandboxError",
    "SandboxStatus",
    "interpreter",
    "measure",
    "owner_of",
    "run_sandboxed",
    "status",
]
