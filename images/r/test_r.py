"""Courses of R, beside Python; runs in the image as images/singleuser/test_apart.py does."""
# ruff: noqa: S101, S108  (plain scripts: no pytest in the image)

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "singleuser"))

from jupyter_client.manager import start_new_kernel
from test_apart import RUNS, cell, collected, graded_alike
from test_image import main

KERNEL = {"name": "ir", "display_name": "R", "language": "R"}


def grades_of_r_are_those_of_nbgraders_own_autograding() -> None:
    """Hidden tests, a number in place of an assertion, a time-out, a task that is left, one by hand, errors."""
    test: dict[str, object] = {"grade": True, "locked": True}
    cells = [
        cell("square", "### BEGIN SOLUTION\nsquare <- function(x) x * x\n### END SOLUTION", solution=True),
        cell("seen", "stopifnot(square(3) == 9)", **test, points=1),
        cell("hidden", "### BEGIN HIDDEN TESTS\nstopifnot(square(17) == 289)\n### END HIDDEN TESTS", **test, points=2),
        cell("partial", "square(2) / 2", **test, points=5),
        cell("slow", "if (square(0) != 0) stop('no')", **test, points=4),
        cell("cube", "### BEGIN SOLUTION\ncube <- function(x) x^3\n### END SOLUTION", solution=True),
        cell("left", "stopifnot(cube(3) == 27)", **test, points=1),
        cell("why", "### BEGIN SOLUTION\n### END SOLUTION", grade=True, solution=True, points=3),
    ]

    def right(cells: list[Any]) -> None:
        cells[0]["source"] = "square <- function(x) x^2"
        cells[5]["source"] = "cube <- function(x) square(x) * x"

    def wrong(cells: list[Any]) -> None:
        assert "".join(cells[5]["source"]) == "# YOUR CODE HERE\nfail()", cells[5]
        cells[0]["source"] = "square <- function(x) if (x == 0) Sys.sleep(60) else min(x * x, 9)"
        cells[7]["source"] = "library(nothing)"

    collected(KERNEL, {"clara": right, "david": wrong}, cells)
    grades, _ = graded_alike(3)
    clara, david = ({each[1]: each[2] for each in grades if each[0] == student} for student in ("clara", "david"))
    assert clara == {"seen": 1, "hidden": 2, "partial": 5, "slow": 4, "left": 1, "why": 0}, clara
    assert david == {"seen": 1, "hidden": 0, "partial": 5, "slow": 0, "left": 0, "why": None}, david


def nothing_beside_a_notebook_runs_as_its_kernel_starts() -> None:
    """In a folder that somebody handed in; what lies in the own home does run."""
    folder, home = Path("/var/tmp/handed-in"), Path.home()
    folder.mkdir()
    subprocess.run(["R", "--no-echo", "--no-save", "-e", "kept <- 1; save.image()"], cwd=folder, check=True)
    (folder / ".Rprofile").write_text("beside <- 1\n")
    (folder / ".Renviron").write_text("BESIDE=1\n")
    (home / ".Rprofile").write_text("own <- 1\n")
    (home / ".Renviron").write_text("OWN=1\n")
    manager, client = start_new_kernel(kernel_name="ir", cwd=str(folder))
    printed = []
    try:
        client.execute_interactive(
            "cat(ls(), Sys.getenv(c('BESIDE', 'OWN')))",
            timeout=60,
            output_hook=lambda message: printed.append(message["content"].get("text", "")),
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        for path in (home / ".Rprofile", home / ".Renviron"):
            path.unlink()
    assert "".join(printed).split() == ["own", "1"], printed


TESTS = (grades_of_r_are_those_of_nbgraders_own_autograding, nothing_beside_a_notebook_runs_as_its_kernel_starts)

if __name__ == "__main__":
    failed = main(TESTS)
    shutil.rmtree(RUNS, ignore_errors=True)
    sys.exit(failed)
