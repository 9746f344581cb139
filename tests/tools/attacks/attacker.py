"""Runs inside the sandbox and tries to get out. Prints what it could do as JSON; nothing found is an empty list.

The same file runs outside as the control: an attack that fails there too would prove nothing. The control never runs as
root, and only what harms nobody runs outside: see CONTROLS. Standard library only.
"""

import ctypes
import errno
import json
import os
import platform
import shutil
import signal
import socket
import sys
import time

CONTROLS = (
    "host_files",
    "writes_outside",
    "environment",
    "loopback",
    "signals",
    "namespaces",
    "kernel_doors",
    "privileges",
)
IS_SANDBOXED = socket.gethostname() == "sandbox"
TARGETS = json.loads(os.environ.get("TARGETS", "{}"))
LIBC = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
MIB = 1024 * 1024


def reads(path):
    """What can be read at a path, or nothing."""
    try:
        if os.path.isdir(path):
            return ",".join(sorted(os.listdir(path)))
        with open(path, "rb") as file:
            return file.read(100_000).decode("utf-8", "replace")
    except OSError:
        return ""


def host_files():
    """Read what belongs to the host, by its path and by ways around."""
    prefixes = ("", "/proc/1/root", "/proc/self/root", "/proc/1/cwd/../../..", "/workspace/..")
    return [prefix + path for path in TARGETS["secret_paths"] for prefix in prefixes if reads(prefix + path)]


def writes_outside():
    """Leave a file anywhere but in the workspace and the two bounded temporary directories."""
    found = []
    for directory in (
        "/",
        "/usr",
        "/usr/bin",
        "/etc",
        "/dev",
        "/run",
        "/opt",
        "/var",
        "/proc/sys/kernel",
        TARGETS["outside"],
    ):
        try:
            with open(os.path.join(directory, "agentsite-attack"), "w") as file:
                file.write("was here")
            found.append(directory)
        except OSError:
            continue
    return found


def environment():
    """Find the server's secret in any environment or command line."""
    paths = [f"/proc/{process}/{name}" for process in os.listdir("/proc") for name in ("environ", "cmdline")]
    return [path for path in paths if TARGETS["yranac"][::-1] in reads(path)]


def loopback():
    """Send to servers of the host by TCP, UDP, an abstract and a pathname socket; they know whether it arrived."""
    return [name for name, (kind, address) in TARGETS["servers"].items() if _sends(getattr(socket, kind), address)]


def _sends(kind, address):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    try:
        with socket.socket(family, kind) as client:
            client.settimeout(1)
            client.connect(address.replace("@", "\0", 1) if isinstance(address, str) else tuple(address))
            client.sendall(b"attack")
        return True
    except OSError:
        return False


def signals():
    """Kill a process of the host, and everything that can be seen."""
    found = []
    try:
        os.kill(TARGETS["process"], signal.SIGKILL)
        found.append(TARGETS["process"])
    except OSError:
        pass
    return found


def namespaces():
    """Make a namespace, by each of the calls that can."""
    found = []
    for name, flag in (
        ("user", 0x1000_0000),
        ("mount", 0x0002_0000),
        ("network", 0x4000_0000),
        ("user+pid", 0x3000_0000),
    ):
        if _in_child(lambda flag=flag: LIBC.unshare(flag)):
            found.append(f"unshare {name}")
        if _in_child(lambda flag=flag: _syscall(56 if X86 else 220, flag | signal.SIGCHLD, 0, 0, 0, 0)):
            found.append(f"clone {name}")
    arguments = (ctypes.c_uint64 * 11)(0x1000_0000, 0, 0, 0, signal.SIGCHLD)
    if _in_child(lambda: _syscall(435, ctypes.byref(arguments), ctypes.sizeof(arguments))):
        found.append("clone3 user")
    return found


def _in_child(action):
    """Whether `action` succeeds, in a process of its own."""
    child = os.fork()
    if child == 0:
        os._exit(0 if action() >= 0 else 1)
    return os.waitpid(child, 0)[1] == 0


def _syscall(number, *arguments):
    return LIBC.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))


def kernel_doors():
    """Calls to parts of the kernel that no namespace holds or no limit counts."""
    numbers = {
        "memfd_create": (319, 279, (b"x", 0)),
        "shmget": (29, 194, (0, 4096, 0o1600)),
        "keyctl": (250, 219, (0, -5, 1)),
        "io_uring_setup": (425, 425, (1, ctypes.create_string_buffer(256))),
        "syslog": (103, 116, (3, ctypes.create_string_buffer(256), 255)),
        "bpf": (321, 280, (0, ctypes.create_string_buffer(128), 128)),
        "userfaultfd": (323, 282, (1,)),
    }
    if IS_SANDBOXED:
        numbers["mount"] = (165, 40, (b"none", b"/workspace", b"tmpfs", 0, 0))
    found = [name for name, (x86, arm, arguments) in numbers.items() if _syscall(x86 if X86 else arm, *arguments) >= 0]
    for name, family in (("vsock", 40), ("packet", 17), ("alg", 38)):
        try:
            socket.socket(family, socket.SOCK_STREAM if name == "vsock" else socket.SOCK_SEQPACKET).close()
            found.append(name)
        except OSError as error:
            if error.errno not in (errno.EAFNOSUPPORT, errno.EPERM, errno.ESOCKTNOSUPPORT):
                found.append(f"{name}: {error}")
    return found


def privileges():
    """Rights, inherited descriptors, and ways to get more."""
    status = dict(line.split(":\t", 1) for line in reads("/proc/self/status").splitlines() if ":\t" in line)
    found = [name for name in ("CapEff", "CapPrm", "CapInh", "CapAmb") if int(status[name], 16)]
    found += [] if status["NoNewPrivs"] == "1" else ["NoNewPrivs"]
    found += [f"descriptor {name}" for name in os.listdir("/proc/self/fd") if int(name) > 3]
    for name, action in (
        ("setuid", lambda: os.setuid(0)),
        ("setgroups", lambda: os.setgroups([0])),
        ("nice", lambda: os.nice(-1)),
    ):
        try:
            action()
            found.append(name)
        except OSError:
            continue
    return found + (["uid 0"] if os.getuid() == 0 else [])


def fill_one_file():
    """Write a gigabyte into one file."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    return _fill(["big"], 1024)


def fill_many_files():
    """Write a gigabyte into files that are each small enough."""
    return _fill([f"file{number}" for number in range(64)], 16)


def fill_unlinked_files():
    """Write a gigabyte into files that no directory shows."""
    return _fill([f"gone{number}" for number in range(64)], 16, then=os.unlink)


def fill_hidden_directory():
    """Write a gigabyte where the owner of the workspace cannot look."""
    os.mkdir("a")
    os.mkdir("a/hidden")
    os.chmod("a/hidden", 0o300)
    os.chmod("a", 0o300)
    return _fill([f"a/hidden/file{number}" for number in range(64)], 16)


def _fill(names, mebibytes, then=None):
    kept, written = [], 0
    block = b"x" * MIB
    for name in names:
        file = open(name, "wb", buffering=0)  # noqa: SIM115 - it stays open
        kept.append(file)
        if then:
            then(name)
        for _ in range(mebibytes):
            try:
                if file.write(block) != MIB:
                    return []
            except OSError:
                return []
            written += 1
            if written % 16 == 0:
                time.sleep(0.02)  # as slow as a real disk, so that the watcher has to stop it, not luck
    return [f"{written} MiB"]


def clean_up():
    """Delete files, slowly enough to be watched."""
    for name in os.listdir("."):
        if name.startswith("file"):
            os.remove(name)
            time.sleep(0.3)
    return []


def fill_memory_disks():
    """Write more into memory file systems than they may hold."""
    found = []
    for directory in ("/tmp", "/dev/shm", "/dev", "/", "/run", "/etc", "/run/agentsite"):
        try:
            with (
                open(f"{directory}/fill", "wb", buffering=0) as one,
                open(f"{directory}/fill2", "wb", buffering=0) as two,
            ):
                for _ in range(60):
                    if one.write(b"x" * MIB) + two.write(b"x" * MIB) < 2 * MIB:
                        break
                else:
                    found.append(directory)
        except OSError:
            continue
    return found


def many_inodes():
    """Make a million files."""
    os.mkdir("many")
    for number in range(1_000_000):
        os.close(os.open(f"many/{number}", os.O_CREAT))
    return ["1,000,000 files"]


def deep_directories():
    """Nest directories so deep that whoever walks them breaks."""
    for _ in range(3_000):
        os.mkdir("deep")
        os.chdir("deep")
    time.sleep(60)
    return ["nested"]


def memory():
    """Take a gigabyte of memory."""
    try:
        data = bytearray(1024 * MIB)
    except MemoryError:
        return []
    return [f"{len(data)} bytes"]


def memory_of_many():
    """Take three gigabytes in processes that are each small enough."""
    for _ in range(8):
        if os.fork() == 0:
            data = bytearray(b"x") * (380 * MIB)
            time.sleep(60)
            os._exit(len(data) & 1)
    time.sleep(60)
    return ["3 GiB"]


def forks():
    """Start 400 processes."""
    count = 0
    for _ in range(400):
        try:
            if os.fork() == 0:
                signal.pause()
        except OSError:
            break
        count += 1
    return [f"{count} processes"] if count == 400 else []


def output_flood():
    """Write without end."""
    while True:
        os.write(1, b"flood " * 10_000)


def daemon():
    """Leave a process behind that nothing here waits for, its marker on its command line."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for descriptor in (0, 1, 2):
                os.close(descriptor)
            os.execv(
                "/bin/sh", ["/bin/sh", "-c", f"trap '' TERM HUP INT; while :; do sleep 5; done # {TARGETS['marker']}"]
            )
        os._exit(0)
    os.wait()
    return []


def stay():
    """Run until killed, deaf to what can be ignored."""
    os.execv(
        "/bin/sh",
        ["/bin/sh", "-c", f"trap '' TERM HUP INT; echo ready; while :; do sleep 5; done # {TARGETS['marker']}"],
    )


def links():
    """Lay links out of the workspace where a file tool may step on them."""
    os.symlink(TARGETS["outside_file"], "link")
    os.symlink(os.path.dirname(TARGETS["outside_file"]), "directory")
    os.symlink("../" * 20 + TARGETS["outside_file"].lstrip("/"), "relative")
    os.symlink("loop", "loop")
    os.mkfifo("pipe")
    return []


def swap():
    """Put links in the place of a file and of a directory and back, again and again."""
    print("ready", flush=True)
    directory, name = os.path.split(TARGETS["outside_file"])
    while True:
        for step in (_link_file, _plain_file, _link_directory, _plain_directory):
            try:
                step(directory, name)
            except OSError:
                continue


def _link_file(directory, name):
    os.symlink(f"{directory}/{name}", "next")
    os.replace("next", "target")


def _plain_file(directory, name):
    with open("next", "w") as file:
        file.write("inside")
    os.replace("next", "target")


def _link_directory(directory, name):
    shutil.rmtree("moving", ignore_errors=True)
    os.symlink(directory, "moving")


def _plain_directory(directory, name):
    os.remove("moving")
    os.mkdir("moving")
    with open(f"moving/{name}", "w") as file:
        file.write("inside")


ATTACK = os.environ["ATTACK"]
if not IS_SANDBOXED and (ATTACK not in CONTROLS or os.geteuid() == 0):
    sys.exit("this attack runs in the sandbox only")
print(json.dumps(globals()[ATTACK]()), flush=True)
os._exit(0)
