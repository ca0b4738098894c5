"""Runs in the machine, with the image's Python: nbgrader, imported once, then run in any pod as whoever that is.

Without this each command would first import it, for half a minute here. What is ours is imported by the command itself:
modules of ours look at the environment.
"""

import contextlib
import json
import os
import site
import socket
import sys
from importlib import import_module

# Only the image has it.
import_module("nbgrader.apps")


def main() -> None:
    """Answer each connection, a line of JSON: with all that nbgrader says, a zero byte and the exit code.

    The arguments are descriptors of the listening socket, and of the machine's root out of which pods are entered.
    """
    with socket.socket(fileno=int(sys.argv[1])) as listening:
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                answer(connection, int(sys.argv[2]), **json.loads(connection.makefile().readline()))
                os._exit(0)
            connection.close()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def answer(
    connection: socket.socket,
    outside: int,
    root: str,
    uid: int,
    gids: list[int],
    umask: int,
    environment: dict[str, str],
    folder: str,
    words: list[str],
) -> None:
    """Run what is asked for, in a child that is like a command's process."""
    child = os.fork()
    if child == 0:
        os.fchdir(outside)
        os.chroot(".")
        os.chroot(root)
        os.setgroups(gids)
        os.setgid(gids[0])
        os.setuid(uid)
        os.umask(umask)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        for descriptor in (1, 2):
            os.dup2(connection.fileno(), descriptor)
        os.closerange(3, 256)
        # It is found anew, below the home of whoever that now is.
        site.USER_BASE = None
        sys.argv = ["nbgrader", *words]
        sys.exit(import_module("nbgrader_trusted").main())
    _, status = os.waitpid(child, 0)
    connection.sendall(b"\0%d" % os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
