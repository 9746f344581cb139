"""The runtime of this process, if it has one."""

from django.conf import settings

from sessions_app.runner.runtime import Runtime

_runtime: Runtime | None = None


def get_runtime() -> Runtime | None:
    """This process's runtime; None where runs are executed elsewhere."""
    return _runtime


def set_runtime(runtime: Runtime | None) -> None:
    """Name this process's runtime."""
    global _runtime
    _runtime = runtime


def start_embedded() -> None:
    """Execute runs in this process, if the settings say so and it does not yet."""
    if settings.AGENTSITE.executor == "embedded" and _runtime is None:
        set_runtime(Runtime().start())


def stop_embedded() -> None:
    """Give back what runs here."""
    if _runtime is not None:
        _runtime.stop()
        set_runtime(None)
