"""What docs/admins/sizing.md calls measured is in docs/measurements.md, and what it reckons follows from that."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/admins/sizing.md").read_text()
MEASURED = " ".join((ROOT / "docs/measurements.md").read_text().split())


@pytest.mark.parametrize(
    ("said", "measured"),
    [
        ("| hub, CPU of a start | 0.15 CPU-seconds | measured |", "A start costs the hub about 0.15 CPU-seconds"),
        ("| hub, memory of a server | 0.3 MiB | measured |", "and each server 0.3 MiB"),
        (
            "| nodes, CPU of the server's own start | 0.6 CPU-seconds |",
            "| coursehub, student | 1.2 s (1.2 to 1.7) | 0.6 |",
        ),
        ("the 20 of a burst took 19 s on two cores, measured", "| 20 | 14 s, 13 s | 1.08 | 19 s, 20 s | 0.95 |"),
        ("| nodes, memory of a server at rest | 104 MiB | measured |", "| a student's server | 104 MiB |"),
        ("| nodes, the image | 586 MB | measured, unpacked |", "| singleuser | 586 MB |"),
        ("241 MiB with 100 (measured)", "| 100 | 80 start, 77 s | hub | 0.158 | 0.19 | 241 MiB |"),
        ("3 × 0.101 (measured with 100)", "| 100 | tabs are open | hub | 0.101 |"),
        ("55 MiB with 100 (measured)", "| 100 | | proxy | 0.060 | 0.10 | 55 MiB |"),
        ("3 × 0.060 (measured with 100)", "| 100 | | proxy | 0.060 |"),
        ("under 0.01 CPU and 38 MiB with 100 (measured)", "| 100 | | provisioner | 0.001 | 0.00 | 38 MiB |"),
    ],
)
def test_a_figure_that_is_called_measured_was_measured(said: str, measured: str) -> None:
    assert said in PAGE
    assert measured in MEASURED


def test_the_formulas_come_out_as_the_page_has_them() -> None:
    sums = re.findall(r"([\d.]+) × ([\d.]+)(?: s)?(?: ÷ ([\d.]+))? = ([\d.]+) s", PAGE)
    assert len(sums) == 2
    for first, second, divisor, result in sums:
        exact = float(first) * float(second) / float(divisor or 1)
        assert exact == pytest.approx(float(result), rel=0.08)
    memory = re.findall(r"(\d+) MiB with 100 \(measured\) and 200 × ([\d.]+) MiB: (\d+) MiB", PAGE)
    assert len(memory) == 2
    assert all(float(base) + 200 * float(each) == float(result) for base, each, result in memory)
    ((least, by_cpu, by_pods),) = re.findall(r"takes the least of (\d+), (\d+) and (\d+) servers", PAGE)
    assert (int(least), int(by_cpu), int(by_pods)) == ((64 - 4) * 1024 // 512, int((16 - 0.5) / 0.1), 110 - 10)
