#!/usr/bin/env python3
"""Chromium that hears nothing of the machine's links.

It gives up the connections that it is just making when an address comes or goes (net::ERR_NETWORK_CHANGED), on the
loopback too, and here each pod that starts or ends is one. As a program it stands for /usr/bin/chromium.
"""

import errno
import os
import socket
import sys
from typing import Any

import pyseccomp

DEAF: dict[str, Any] = {
    "executable_path": __file__,
    "env": {**os.environ, "PATH": os.pathsep.join((os.path.dirname(sys.executable), os.environ["PATH"]))},
}
"""For playwright's `launch`."""


def run(arguments: list[str]) -> None:
    """Become Chromium, in a process that can open no socket by which the kernel tells of links."""
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    rules.add_rule(pyseccomp.ERRNO(errno.EAFNOSUPPORT), "socket", pyseccomp.Arg(0, pyseccomp.EQ, socket.AF_NETLINK))
    rules.load()
    os.execv("/usr/bin/chromium", ["chromium", *arguments])


if __name__ == "__main__":
    run(sys.argv[1:])
