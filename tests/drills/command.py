"""The local cluster's own commands."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(
    *arguments: str, clone: Path = ROOT, module: str = "ci.cluster", **environment: str
) -> subprocess.CompletedProcess[str]:
    """`python -m ci.cluster …`, or another module, in a clone."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=clone,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
