"""The system calls a sandboxed command may not make, as a classic BPF program for the kernel's seccomp.

Why each is refused: namespaces and mounts, since they open the kernel's largest attack surface and, for root's
sandboxes, nothing else closes them; keyrings, the kernel log, BPF, performance events and vsock, since no namespace
holds them; memory files and System V shared memory, since no limit counts them; io_uring, since it evades the filter.
"""

import errno
import platform
import struct

_X86_64 = "x86_64"
_ARM64 = "aarch64"
_AUDIT = {_X86_64: 0xC000003E, _ARM64: 0xC00000B7}
_COLUMN = {_X86_64: 0, _ARM64: 1}

# name: number on x86_64, number on aarch64
_REFUSED: dict[str, tuple[int, int]] = {
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "syslog": (103, 116),
}
_ABSENT: dict[str, tuple[int, int]] = {  # answered as if the kernel did not know them, so that libraries fall back
    "clone3": (435, 435),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
}
_CLONE = (56, 220)
_SOCKET = (41, 198)
_NAMESPACE_FLAGS = 0x7E02_0000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: those that the network namespace holds

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _KILL, _ERROR = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
_X32_BIT = 0x4000_0000

Instruction = tuple[int, int, int, int]


def is_supported() -> bool:
    """Whether this machine's processor is one whose system calls are listed here."""
    return platform.machine() in _AUDIT


def program() -> bytes:
    """The filter for this machine, as bubblewrap's --seccomp reads it."""
    machine = platform.machine()
    column = _COLUMN[machine]
    instructions = [
        *_unless_architecture(_AUDIT[machine]),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32_BIT),
        (_RETURN, 0, 0, _ERROR | errno.ENOSYS),
        *_refuse(_REFUSED, column, errno.EPERM),
        *_refuse(_ABSENT, column, errno.ENOSYS),
        *_refuse_namespaces(_CLONE[column]),
        *_refuse_families(_SOCKET[column]),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


def _unless_architecture(audit: int) -> list[Instruction]:
    return [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _KILL)]


def _refuse(calls: dict[str, tuple[int, int]], column: int, error: int) -> list[Instruction]:
    found: list[Instruction] = []
    for numbers in calls.values():
        found += [(_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, _ERROR | error)]
    return found


def _refuse_namespaces(number: int) -> list[Instruction]:
    return [
        (_EQUAL, 0, 4, number),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_ANY_BIT, 0, 1, _NAMESPACE_FLAGS),
        (_RETURN, 0, 0, _ERROR | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _refuse_families(number: int) -> list[Instruction]:
    count = len(_FAMILIES)
    checks = [(_EQUAL, count - index, 0, family) for index, family in enumerate(_FAMILIES)]
    return [
        (_EQUAL, 0, count + 2, number),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        *checks,
        (_RETURN, 0, 0, _ERROR | errno.EAFNOSUPPORT),
    ]
