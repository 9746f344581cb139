"""The scene of an attack: a data directory with a secret, servers and a process, none of which may be reached."""

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ORDINARY_UID = 65534
CANARY = "canary-in-the-servers-environment"
SECRET = "canary-in-a-file-of-the-host"


@dataclass
class Scene:
    """Where an attack takes place, and as whom."""

    uid: int
    root: Path
    targets: dict[str, Any] = field(default_factory=dict)
    servers: dict[str, socket.socket] = field(default_factory=dict)

    @property
    def workspace(self) -> Path:
        """The attacker's workspace."""
        return self.root / "data" / "workspaces" / "session"

    def request(self, attack: str, **more: Any) -> str:
        """A request to the driver."""
        more.setdefault("targets", self.targets)
        return json.dumps({"uid": self.uid, "workspace": str(self.workspace), "attack": attack, **more})

    def attack(self, attack: str, **more: Any) -> dict[str, Any]:
        """Run an attack in the sandbox."""
        driver = subprocess.run(
            [sys.executable, str(HERE / "driver.py")],
            input=self.request(attack, **more),
            capture_output=True,
            text=True,
            timeout=60,
            env={"APP_SECRET": CANARY, "HOME": str(self.root)},
            check=False,
        )
        assert driver.returncode == 0, driver.stderr[-4_000:]
        outcome: dict[str, Any] = json.loads(driver.stdout)
        return outcome

    def control(self, attack: str) -> list[Any]:
        """Run the same attack without the sandbox, never as root: it must succeed, or it proves nothing."""
        python = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable
        done = subprocess.run(
            [python, "-"],
            input=(HERE / "attacker.py").read_text(),
            capture_output=True,
            text=True,
            timeout=30,
            cwd="/",
            env={
                "APP_SECRET": CANARY,
                "ATTACK": attack,
                "TARGETS": json.dumps(self.targets),
            },
            check=False,
            **as_ordinary(),
        )
        assert done.returncode == 0, done.stderr
        found: list[Any] = json.loads(done.stdout)
        return found

    def can_have_namespaces(self) -> bool:
        """Whether bubblewrap as such works here for this user, without any of our options."""
        bare = ["bwrap", "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "/bin/true"]
        user = {} if self.uid == os.geteuid() else as_ordinary()
        return bool(shutil.which("bwrap")) and subprocess.run(bare, check=False, **user).returncode == 0

    def heard(self) -> list[str]:
        """Which servers somebody has reached since the last time."""
        ready, _, _ = select.select(list(self.servers.values()), [], [], 0)
        names = [name for name, server in self.servers.items() if server in ready]
        for name in names:
            if name == "udp":
                self.servers[name].recv(100)
            else:
                self.servers[name].accept()[0].close()
        return names


def as_ordinary() -> dict[str, Any]:
    """How to start a process as an ordinary user."""
    return {"user": ORDINARY_UID, "group": ORDINARY_UID, "extra_groups": []} if os.geteuid() == 0 else {}


@contextlib.contextmanager
def scene(uid: int) -> Iterator[Scene]:
    """A scene for attacks as `uid`, taken down at the end."""
    root = Path(tempfile.mkdtemp(prefix="agentsite-scene-"))
    made = Scene(uid, root)
    with contextlib.ExitStack() as stack:
        stack.callback(_remove, root)
        made.workspace.mkdir(parents=True)
        secret = root / "data" / "secret_key"
        secret.write_text(SECRET)
        made.targets = {
            "yranac": CANARY[::-1],  # the attacker's own environment must not hold what it looks for
            "marker": f"marker-{uuid.uuid4().hex}",
            "outside": str(root),
            "outside_file": str(secret),
            "secret_paths": ["/etc/shadow", "/root", "/home", str(secret), str(HERE.parents[2] / "manage.py")],
            "process": _bystander(stack),
        }
        made.servers = _servers(root, stack)
        made.targets["servers"] = {name: _address(server) for name, server in made.servers.items()}
        if os.geteuid() == 0:
            for path in (root, *root.rglob("*")):
                os.chown(path, ORDINARY_UID, ORDINARY_UID)
        yield made


def processes_with(marker: str) -> list[int]:
    """Processes of the host whose command line holds the marker."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if marker.encode() in (directory / "cmdline").read_bytes():
                found.append(int(directory.name))
    return found


def _servers(root: Path, stack: contextlib.ExitStack) -> dict[str, socket.socket]:
    udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    udp.bind(("127.0.0.1", 0))
    servers = {"tcp": stack.enter_context(socket.create_server(("127.0.0.1", 0))), "udp": udp}
    for name, address in (("abstract", f"\0agentsite-{uuid.uuid4().hex}"), ("pathname", str(root / "socket"))):
        servers[name] = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        servers[name].bind(address)
        servers[name].listen()
    return servers


def _address(server: socket.socket) -> tuple[str, Any]:
    kind = "SOCK_DGRAM" if server.type == socket.SOCK_DGRAM else "SOCK_STREAM"
    address = server.getsockname()
    return kind, address.decode().replace("\0", "@", 1) if isinstance(address, bytes) else address


def _bystander(stack: contextlib.ExitStack) -> int:
    process = subprocess.Popen(["/bin/sleep", "300"], env={}, **as_ordinary())
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process.pid


def _remove(root: Path) -> None:
    subprocess.run(["/bin/chmod", "-R", "u+rwX", str(root)], check=False, stderr=subprocess.DEVNULL)
    subprocess.run(["/bin/rm", "-rf", "--one-file-system", str(root)], check=False)
