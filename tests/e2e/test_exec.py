"""A shell in a user's pod, by kubectl exec and by the command, is one that works."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Callable

from .cluster import PROGRAM, Installation
from .person import Person


def typed(command: list[str], environment: dict[str, str], lines: list[str]) -> str:
    """What a person at a real terminal sees who runs `command` and types `lines`."""
    leader, follower = pty.openpty()
    child = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment, close_fds=True)
    os.close(follower)
    seen = b""
    pending = [f"{line}\r".encode() for line in [*lines, "exit"]]
    end = time.monotonic() + 60
    quiet = 0.0
    while child.poll() is None or select.select([leader], [], [], 0)[0]:
        assert time.monotonic() < end, f"the shell does not end: {seen.decode(errors='replace')}"
        if select.select([leader], [], [], 0.5)[0]:
            try:
                seen += os.read(leader, 4096)
            except OSError:
                break
            quiet = time.monotonic()
        elif pending and seen and time.monotonic() - quiet > 0.5:
            os.write(leader, pending.pop(0))
    child.wait(10)
    os.close(leader)
    return seen.decode(errors="replace")


def test_both_open_a_shell_as_the_person_in_a_directory_that_exists(
    log_in: Callable[[str], Person], installation: Installation
) -> None:
    log_in("jonas").start("python-intro")
    pod = installation.pod_of("jonas")
    assert pod is not None
    by_kubectl = [
        "kubectl",
        "--namespace",
        installation.namespace,
        "exec",
        "-it",
        pod["metadata"]["name"],
        "--",
        "bash",
    ]
    by_command = [str(PROGRAM), "shell", "jonas", "--namespace", installation.namespace]
    for command in (by_kubectl, by_command):
        line = 'echo "I am $(id -un) $USER, $(id -u), in $(pwd), $HOME, $(id -gn), $(umask)"'
        seen = typed(command, installation.environment, [line, "command -v jupyter"])
        assert "I am jonas jonas, 20002, in /home/jonas, /home/jonas, jonas, 0077" in seen
        assert "/opt/coursehub/venv/bin/jupyter" in seen
        assert "cannot" not in seen
        assert "I have no name" not in seen


def test_where_no_server_runs_there_is_a_sentence_and_no_shell(installation: Installation) -> None:
    done = installation.command("shell", "viktor")
    assert done.returncode == 1
    assert done.stderr.startswith("coursehub: viktor has no server now.")
