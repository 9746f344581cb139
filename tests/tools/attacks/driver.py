"""Runs one attack as the server would, in a process of its own that can be an ordinary user.

Started with the path of this file; standard input holds the request and standard output gets the outcome, both JSON.
"""

import asyncio
import ctypes
import encodings.idna
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tools_app import sandbox

ATTACKER = Path(__file__).with_name("attacker.py").read_bytes()
PR_SET_DUMPABLE = 4
PRELOADED = (encodings.idna,)  # an ordinary user may not reach root's own interpreter later


def become(uid: int) -> None:
    """Turn into an ordinary user for good."""
    if uid == os.geteuid():
        return
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # as it is for a server that was started as that user


async def attack(request: dict[str, Any]) -> dict[str, Any]:
    """Run the attacker in the sandbox and tell how it ended."""
    started = time.monotonic()
    finished = await sandbox.run_sandboxed(
        [sandbox.interpreter(), "-"],
        workspace=Path(request["workspace"]),
        environment={"ATTACK": request["attack"], "TARGETS": json.dumps(request["targets"])},
        timeout_seconds=request.get("timeout", 20.0),
        output=lambda text: print(text, end="", file=sys.stderr, flush=True),
        stdin=ATTACKER,
        limits=sandbox.Limits(**request.get("limits", {})),
        hidden=[Path(path) for path in request.get("hidden", [])],
    )
    return {
        "exit_code": finished.exit_code,
        "output": finished.output[-4_000:],
        "reason": finished.reason,
        "seconds": time.monotonic() - started,
    }


def main() -> None:
    """One request, one outcome."""
    request = json.loads(sys.stdin.read())
    become(request["uid"])
    status = sandbox.status()
    outcome = asyncio.run(attack(request)) if status.available else {"unavailable": status.reason}
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
