"""The one place that runs kubectl, with the context that an admin has chosen."""

import subprocess

from .errors import CoursehubError


class Failed(CoursehubError):
    """kubectl could not do it; the message says why and what to look at."""


def run(namespace: str, *arguments: str, stdin: str | None = None, timeout: float = 60) -> str:
    """What kubectl prints, in `namespace`; raises Failed, also after `timeout` seconds."""
    try:
        done = subprocess.run(
            ["kubectl", "--namespace", namespace, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        raise Failed("kubectl is not on the PATH; install it") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"kubectl did not come to an end within {timeout:.0f} seconds; is the cluster there?") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Failed(f"kubectl {arguments[0]}: {said[-1] if said else 'no reason given'}")
    return done.stdout
