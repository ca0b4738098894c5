"""nbgrader, Formgrader and what is ours, in the image, with a real PostgreSQL beside it."""

import subprocess
import sys
from pathlib import Path

from ci.images.build import build, workshop
from ci.images.check import ALONE, inside
from ci.images.image import IMAGES, ROOT
from tests.gradebook.beside import ADDRESS


def test_a_gradebook_on_postgresql_does_what_the_file_does() -> None:
    """Each of the tests in inside.py says its name, and what failed."""
    image = IMAGES["singleuser"]
    build([image])
    ours = Path(__file__).parent
    more = (f"--volume={ours}:/srv/inside:ro", "--env=PYTHONPATH=/mnt/singleuser", f"--env=GRADEBOOK_URL={ADDRESS}")
    with workshop("gradebook") as buildah, inside(buildah, image, *more) as words:
        beside = (sys.executable, "-m", "tests.gradebook.beside")
        command = [*ALONE, *beside, *words, "python3", "/srv/inside/inside.py"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILED" not in done.stdout
    assert done.stdout.count("passed: ") > 1, done.stdout
