"""What `coursehub images --values` prints makes upstream's puller fetch every image of the courses."""

from pathlib import Path

import pytest
import yaml
from coursehub.cli import main

from tests.chart.helm import Chart

SITE = """\
images:
  python: registry.example.edu/python:1
  r: registry.example.edu/r:2@sha256:{digest}
  gpu: registry.example.edu:5000/gpu@sha256:{digest}
  history: {{"2026-02-01": registry.example.edu/history:1, "2026-08-15": registry.example.edu/history:2}}
general: {{image: python}}
""".format(digest="a" * 64)
COURSES = """\
courses:
  one: {name: One, image: r, instructor: {image: gpu}}
  two: {name: Two, image: history@2026-03-01}
  three: {name: Three}
  gone: {name: Gone, image: history, close: 2020-01-01}
"""


def test_the_puller_gets_each_image_once(chart: Chart, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (("site.yaml", SITE), ("courses.yaml", COURSES)):
        (tmp_path / name).write_text(text)
    files = [str(tmp_path / "site.yaml"), str(tmp_path / "courses.yaml")]
    assert main.main(["images", "--site", *files]) == 0
    listed = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert main.main(["images", "--values", "--site", *files]) == 0
    values = {**yaml.safe_load(SITE), **yaml.safe_load(capsys.readouterr().out)}
    puller = chart.render(values)["DaemonSet", "continuous-image-puller"]["spec"]["template"]["spec"]
    pulled = [each["image"] for each in puller["initContainers"]]
    assert sorted(pulled) == sorted(listed)
    assert sorted(pulled) == [
        "registry.example.edu/history:1",
        "registry.example.edu/python:1",
        f"registry.example.edu/r:2@sha256:{'a' * 64}",
        f"registry.example.edu:5000/gpu@sha256:{'a' * 64}",
    ]
