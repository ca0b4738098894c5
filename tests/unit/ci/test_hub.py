"""`make hub` takes one of two JupyterHubs."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_a_jupyterhub_that_is_neither_pinned_nor_newest_is_refused_before_anything_is_done() -> None:
    environment = {**os.environ, "JUPYTERHUB": "latest"}
    done = subprocess.run([ROOT / "ci/hub.sh"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert (done.stdout, done.stderr) == ("", "coursehub: JUPYTERHUB=latest is unknown; write pinned or newest\n")
