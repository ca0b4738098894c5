"""python -m tests.bench.server_inside: a server's start in its image, beside plain `jupyterhub.singleuser` there.

The same image, configuration and person's home on both sides, which start in turn; no cluster, no hub but a stand-in.
Prints a table in Markdown.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ci.images.build import build, workshop
from ci.images.check import ALONE, inside
from ci.images.image import ROOT, SINGLEUSER

from .measure import machine, many

ROUNDS = many(12, smoke=1)
# Of what plain takes.
MOST_CPU = 0.6
# What inside.py says of a start, and how the table calls it.
ROWS: Mapping[str, tuple[str, str]] = {
    "start": ("CPU from exec to the first answer", "{:.2f} s"),
    "page": ("CPU of JupyterLab's first page", "{:.2f} s"),
    "memory": ("memory at the first answer", "{:.0f} MiB"),
    "memory of a page": ("memory after that page", "{:.0f} MiB"),
}
Found = Sequence[Mapping[str, float | str]]


def measure() -> str:
    """The table; two minutes."""
    build([SINGLEUSER])
    here = Path(__file__).parent
    more = (f"--volume={here}:/srv/inside:ro", "--env=PYTHONPATH=/mnt/singleuser")
    with workshop("bench") as buildah, inside(buildah, SINGLEUSER, *more) as words:
        command = [*ALONE, *words, "python3", "-P", "/srv/inside/inside.py", str(ROUNDS)]
        lines = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    return table([json.loads(line) for line in lines.splitlines()])


def table(found: Found) -> str:
    """Medians and ranges of both sides, and what the aim says of them."""
    rows = ["| | coursehub | plain | ratio |", "|---|---|---|---|"]
    for name, (heading, form) in ROWS.items():
        ours, plain = (_of(found, side, name) for side in ("coursehub", "plain"))
        rows.append(f"| {heading} | {_spread(ours, form)} | {_spread(plain, form)} | {_ratio(ours, plain):.2f} |")
    ratio = _ratio(_of(found, "coursehub", "start"), _of(found, "plain", "start"))
    said = "kept" if ratio <= MOST_CPU else "missed"
    return "\n".join((*rows, "", f"{len(found) // 2} starts of each. Aimed at: at most {MOST_CPU} of the CPU, {said}."))


def _of(found: Found, side: str, name: str) -> list[float]:
    return [float(each[name]) for each in found if each["side"] == side]


def _ratio(ours: Sequence[float], plain: Sequence[float]) -> float:
    return statistics.median(ours) / statistics.median(plain)


def _spread(values: Sequence[float], form: str) -> str:
    median, least, most = (form.format(each) for each in (statistics.median(values), min(values), max(values)))
    return f"{median} ({least.split()[0]} to {most.split()[0]})"


if __name__ == "__main__":
    print(machine())
    print(f"\n{measure()}")
    sys.exit()
