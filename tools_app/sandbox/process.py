"""Runs one command in bubblewrap, supervised: time, output, disk and memory; nothing of it outlives the call."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from tools_app import confined_files
from tools_app.sandbox import command, watcher
from tools_app.sandbox.collector import OutputCollector
from tools_app.sandbox.limits import DEFAULT_LIMITS, Finished, Limits, Reason, SandboxError
from tools_app.sandbox.running import Running

logger = logging.getLogger(__name__)
_endings: set["asyncio.Task[None]"] = set()  # the event loop alone would let them be collected


async def run_sandboxed(
    argv: Sequence[str],
    *,
    workspace: Path,
    environment: Mapping[str, str],
    timeout_seconds: float,
    output: Callable[[str], None],
    stdin: bytes = b"",
    limits: Limits = DEFAULT_LIMITS,
    hidden: Sequence[Path] = (),
    output_path: str = ".agentsite/output.txt",
) -> Finished:
    """Run `argv` with `workspace` as its only writable directory and tell how it ended. Raises SandboxError.

    Output past what is kept goes to `output_path` in the workspace. `hidden` directories are masked wherever a system
    directory would show them. When cancelled, every process of the sandbox is dead before CancelledError goes on.
    """
    before = await watcher.measure_soon(workspace)
    collector = OutputCollector(output, lambda: _open_whole(workspace, output_path), limits)
    starting = asyncio.create_task(_start(argv, workspace, environment, stdin, limits, hidden, collector))
    try:
        running = await asyncio.shield(starting)
        reason = await _supervise(running, collector, workspace, limits, before, timeout_seconds)
    finally:
        await _finish(_end(starting, collector))
    if not reason and not running.has_run:
        logger.error("The sandbox could not start: %s", collector.text(None).strip())
        raise SandboxError("the sandbox could not start")
    path = output_path if collector.is_whole_kept else None
    exit_code = running.process.returncode if running.process.returncode is not None else -signal.SIGKILL
    return Finished(exit_code, collector.text(path), collector.truncated, reason, path)


async def _start(
    argv: Sequence[str],
    workspace: Path,
    environment: Mapping[str, str],
    stdin: bytes,
    limits: Limits,
    hidden: Sequence[Path],
    collector: OutputCollector,
) -> Running:
    with ExitStack() as resources:
        status_reader, status_writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        resources.callback(os.close, status_writer)
        on_failure = resources.enter_context(ExitStack())
        on_failure.callback(os.close, status_reader)
        invocation = command.build(
            argv,
            workspace=workspace,
            environment=environment,
            limits=limits,
            hidden=hidden,
            status_descriptor=status_writer,
            resources=resources,
        )
        process = await _spawn(invocation, command.memory_input(stdin, resources))
        on_failure.pop_all()
        if process.stdout is None:
            raise SandboxError("the sandbox has no output")
        return Running(process, status_reader, asyncio.create_task(collector.drain(process.stdout)))


async def _spawn(invocation: command.Invocation, stdin: int) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *invocation.argv,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=command.BASE_ENVIRONMENT,
            cwd="/",
            pass_fds=invocation.descriptors,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:  # E2BIG, NUL in the command: the text of neither is shown
        raise SandboxError(f"the sandbox could not start ({type(error).__name__})") from None


async def _end(starting: "asyncio.Task[Running]", collector: OutputCollector) -> None:
    """Kill whatever was started and wait until it is dead."""
    try:
        running = await starting
        running.kill()
        await running.wait_dead()
    finally:
        collector.finish()


async def _finish(ending: Coroutine[Any, Any, None]) -> None:
    """Await `ending`; it goes on to its end however often the caller is cancelled."""
    task = asyncio.create_task(ending)
    _endings.add(task)
    task.add_done_callback(_endings.discard)
    await asyncio.shield(task)


async def _supervise(
    running: Running,
    collector: OutputCollector,
    workspace: Path,
    limits: Limits,
    before: watcher.Usage,
    timeout_seconds: float,
) -> Reason:
    """Wait for the end or for the first limit that is broken."""
    exited = asyncio.create_task(running.process.wait())
    watching = asyncio.create_task(_watch(running, workspace, limits, before))
    flooded = asyncio.create_task(collector.flooded())
    deadline = asyncio.get_running_loop().time() + timeout_seconds
    try:
        return await _first_reason(exited, {running.reader, watching, flooded}, deadline)
    finally:
        for task in (exited, watching, flooded):
            task.cancel()


async def _watch(running: Running, workspace: Path, limits: Limits, before: watcher.Usage) -> Reason:
    first = await running.first()
    return "" if first is None else await watcher.watch(workspace, limits, before, first)


async def _first_reason(exited: "asyncio.Task[int]", others: "set[asyncio.Task[Reason]]", deadline: float) -> Reason:
    """The first reason that a task returns; a task without one only ends; "" when the command exited."""
    loop = asyncio.get_running_loop()
    pending: set[asyncio.Task[Reason] | asyncio.Task[int]] = {exited, *others}
    while True:
        remaining = max(0.0, deadline - loop.time())
        done, pending = await asyncio.wait(pending, timeout=remaining, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            return "timeout"
        for task in others & done:
            if reason := task.result():
                return reason
        if exited in done:
            return ""


def _open_whole(workspace: Path, output_path: str) -> BinaryIO | None:
    try:
        return open(confined_files.create_file(workspace, tuple(output_path.split("/"))), "wb", buffering=0)
    except OSError:
        return None
