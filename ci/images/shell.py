"""Steps of a build: what runs is said, timed and logged; what fails says what to do."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from ci.cluster import packages
from ci.cluster.problem import Problem


def say(text: str) -> None:
    """Progress goes to stderr: stdout is for the result."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def step(title: str) -> Iterator[None]:
    say(f"images: {title} ...")
    begin = time.monotonic()
    yield
    say(f"images: {title}: {time.monotonic() - begin:.0f} s")


def run(command: Sequence[str | Path], log: Path, remedy: str, cwd: Path | None = None) -> None:
    """Run it with its output in the log; when it fails, show the log's end and the remedy."""
    with log.open("a") as output:
        output.write(f"+ {' '.join(map(str, command))}\n")
        output.flush()
        done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
    if done.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
        code = done.returncode
        raise Problem(f"{tail}\n{command[0]} failed with exit code {code}: {remedy}\nAll of its output: {log}")


def answer(command: Sequence[str | Path]) -> str:
    """What the command printed."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Problem(f"{' '.join(map(str, command))} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def install(names: Sequence[str], log: Path) -> None:
    """As packages.ensure; what it says is progress, too."""
    with redirect_stdout(sys.stderr):
        packages.ensure(names, log)


def need(programs: dict[str, str], log: Path) -> None:
    """Install the Debian packages of the programs that are missing."""
    names = sorted({package for program, package in programs.items() if not shutil.which(program)})
    if names:
        install(names, log)
