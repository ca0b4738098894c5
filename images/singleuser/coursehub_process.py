"""The server's own process, into which nothing of its person's reaches.

Its HOME and its working directory are an empty folder of the image: what looks there, for templates, extensions,
settings, modules or kernels, finds nothing that a person or a program of theirs could have left. No other process can
look into it or attach to it, and its token is in no file and in nothing that it starts. Kernels and terminals are the
person's own, see coursehub_personal.py.
"""

import ctypes
import os
import pwd
from functools import cache
from importlib import import_module

NOWHERE = "/opt/coursehub/nowhere"
_TOKENS = ("JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN")
_PR_SET_DUMPABLE = 4
_kept: dict[str, str] = {}


def withdraw() -> str:
    """All that holds from here on; gives the server's token, which is nowhere else any more, however often it is asked.

    The first time it has to be called before a kernel or a terminal runs.
    """
    if not _kept:
        if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "this process cannot be closed to others")
        _kept.update({name: os.environ.pop(name, "") for name in _TOKENS})
        os.environ["HOME"] = NOWHERE
        os.chdir(NOWHERE)
        # What Jupyter leaves for other programs of the same user has the token in it.
        server = import_module("jupyter_server.serverapp").ServerApp
        server.write_server_info_file = server.write_browser_open_files = lambda _: None
    return _kept[_TOKENS[0]]


@cache
def home() -> str:
    """The person's, as the pod's start wrote it down; the variable is what a process was told."""
    return pwd.getpwuid(os.geteuid()).pw_dir
