"""confined.py <unit> <command>...: runs a command with the system calls that a systemd unit allows.

Of the unit's confinement, it applies SystemCallFilter, with SystemCallErrorNumber=EPERM, and NoNewPrivileges.
"""
import ctypes
import errno
import os
import subprocess
import sys

import seccomp

PR_SET_NO_NEW_PRIVS = 38


def calls_of(group):
    """Returns the system calls of a group such as @system-service."""
    if not group.startswith("@"):
        return {group}
    output = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", group], check=True, capture_output=True, text=True).stdout
    names = [line.strip() for line in output.splitlines()[1:]]
    return set().union(*(calls_of(name) for name in names if name and not name.startswith("#")))


def main(unit, command):
    with open(unit, encoding="utf-8") as file:
        settings = [line.strip().split("=", 1) for line in file if "=" in line and not line.startswith("#")]
    allowed = calls_of("@default")
    for value in (value for name, value in settings if name == "SystemCallFilter"):
        calls = set().union(*(calls_of(group) for group in value.lstrip("~").split()))
        allowed = allowed - calls if value.startswith("~") else allowed | calls
    assert ["SystemCallErrorNumber", "EPERM"] in settings and len(allowed) > 100

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        sys.exit(os.strerror(ctypes.get_errno()))
    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for call in allowed:
        try:
            rules.add_rule(seccomp.ALLOW, call)
        except RuntimeError:
            pass  # Of another architecture.
    rules.load()
    os.execvp(command[0], command)


main(sys.argv[1], sys.argv[2:])
