"""The local cluster's own command."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, clone: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m ci.cluster …` in a clone."""
    return subprocess.run(
        [sys.executable, "-m", "ci.cluster", *arguments],
        cwd=clone,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
