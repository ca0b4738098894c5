"""Debian packages: what is missing is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ci.cluster.problem import Problem
from ci.cluster.steps import long_run, say, tail

# Of ci/packages.sh, too.
LOCK = "/run/lock/coursehub-packages"
NEEDED = (
    "ca-certificates",
    "containernetworking-plugins",
    "iproute2",
    "ipset",
    "iptables",
    "nftables",
    "openssl",
    "runc",
    "socat",
)
UNREACHABLE = re.compile(r"Could not (resolve|connect)|Failed to fetch|Unable to connect|Temporary failure|timed out")


def missing(names: Sequence[str]) -> list[str]:
    """Those of the packages that are not installed."""
    if shutil.which("dpkg-query") is None:
        raise Problem("this machine has no dpkg: the local cluster needs Debian or a relative of it")
    query = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\\n", *names]
    listed = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    installed = {line.split()[0] for line in listed.splitlines() if line.endswith(" installed")}
    return [name for name in names if name not in installed]


def ensure(names: Sequence[str], log: Path) -> None:
    """Install what is missing of the packages."""
    absent = missing(names)
    if not absent:
        return
    say(f"  installing {' '.join(absent)}")
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # `apt-get update` does not wait for another's lists, and a registry may answer at the second try.
    alone = ["flock", LOCK]
    options = ("-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=3")
    apt = [*alone, "apt-get", "--yes", "--no-install-recommends", *options]
    said = ""
    # An earlier installation may have been cut off; a failed update may still leave lists that are good enough.
    for command in ([*alone, "dpkg", "--configure", "-a"], [*apt, "update"], [*apt, "install", *absent]):
        code = long_run(command, log, lambda text: text.rstrip().rpartition("\n")[2], env=environment)
        said += log.read_text(errors="replace")
    if code:
        raise Problem(explain(absent, said))


def explain(absent: Sequence[str], output: str) -> str:
    """Why the packages could not be installed, in plain words."""
    names = " ".join(absent)
    if UNREACHABLE.search(output):
        return (
            f"no Debian package registry can be reached, and these packages are missing: {names}. "
            f"Check the network and /etc/apt/sources.list*, or install them by hand. apt-get said:\n{tail(output)}"
        )
    return f"apt-get could not install {names}. It said:\n{tail(output)}"
