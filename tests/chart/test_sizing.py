"""The values that docs/admins/sizing.md gives for 300 people at ten o'clock render, and do what it says of them."""

import re
from typing import Any

import yaml

from tests.chart.helm import ROOT, Chart, pod_spec, site_values

PAGE = (ROOT / "docs/admins/sizing.md").read_text()
(BLOCK,) = re.findall(r"<!-- tests/chart/test_sizing.py renders it -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)
VALUES: dict[str, Any] = yaml.safe_load(BLOCK)


def test_the_values_for_300_at_ten_are_what_the_page_reckons_with(chart: Chart) -> None:
    objects = chart.render(VALUES)
    guarantee = VALUES["general"]["resources"]["guarantee"]
    assert site_values(objects)["general"]["resources"]["guarantee"].items() >= guarantee.items()
    for part in ("hub", "proxy"):
        (memory,) = re.findall(rf"(?m)^\| {part}.*, memory \| .* \| (\d+ MiB) \|$", PAGE)
        (container,) = pod_spec(objects, part)["containers"]
        assert container["resources"]["limits"] == container["resources"]["requests"]
        assert container["resources"]["limits"]["memory"] == memory.replace(" MiB", "Mi")
