"""Programs in an interpreter that has nbgrader's imports: serve, or ask what one asks of Python, a FILE or `-c TEXT`.

A command of nbgrader's imports for a second, which was most of the time of the tests inside the image. Who asks is
started as the command itself is, and its uid, groups, umask, environment, folder, files and paths are the program's.
What is ours is imported by the program itself: modules of ours look at the environment.
"""

import ctypes
import gc
import json
import os
import runpy
import site
import socket
import sys
from contextlib import suppress
from importlib import import_module
from select import select
from typing import Any

# In a network namespace of its own.
ADDRESS = "\0coursehub-warm"
IMPORTED = "nbgrader.apps"
LONGEST = 2**17
SITE = ("USER_BASE", "USER_SITE", "ENABLE_USER_SITE")
PR_SET_DUMPABLE = 4


def ask(words: list[str]) -> int:
    """The exit code."""
    asked = {
        "words": words,
        "path": ["" if words[0] == "-c" else os.path.dirname(words[0]), *sys.path[1:]],
        "packages": [getattr(site, name) for name in SITE],
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "groups": os.getgroups(),
        "gids": os.getresgid(),
        "uids": os.getresuid(),
        "umask": os.umask(0),
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.connect(ADDRESS)
        socket.send_fds(server, [json.dumps(asked).encode()], [0, 1, 2])
        return int(server.recv(16))


def serve() -> list[str]:
    """What is asked for, in a process that is its asker's; the server itself stays."""
    import_module(IMPORTED)
    gc.freeze()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(ADDRESS)
        listening.listen()
        print("ready", flush=True)
        # Its end is the end of whoever started it.
        while listening in select([listening, sys.stdin], [], [])[0]:
            asker, _ = listening.accept()
            with asker:
                if os.fork() == 0:
                    if program := os.fork():
                        _, status = os.waitpid(program, 0)
                        asker.send(b"%d" % os.waitstatus_to_exitcode(status))
                        os._exit(0)
                    text, files, _, _ = socket.recv_fds(asker, LONGEST, 3)
                    break
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
        else:
            sys.exit()
    become(files, **json.loads(text))
    return sys.argv


def become(
    files: list[int],
    words: list[str],
    path: list[str],
    packages: list[Any],
    environment: dict[str, str],
    folder: str,
    groups: list[int],
    gids: list[int],
    uids: list[int],
    umask: int,
) -> None:
    """This process is as the asker's."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, 256)
    os.setpgid(0, 0)
    os.chdir(folder)
    os.umask(umask)
    os.setgroups(groups)
    os.setresgid(*gids)
    os.setresuid(*uids)
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = path
    for name, value in zip(SITE, packages, strict=True):
        setattr(site, name, value)
    sys.argv = words


def run(words: list[str]) -> None:
    """The program, as Python runs it."""
    if words[0] == "-c":
        text = words.pop(1)
        exec(text, {"__name__": "__main__", "__builtins__": __builtins__})  # noqa: S102  (as `python3 -c` does)
    else:
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    if sys.argv[1] == "ask":
        sys.exit(ask(sys.argv[2:]))
    run(serve())
