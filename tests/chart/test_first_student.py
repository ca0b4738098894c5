"""What docs/admins.md has an admin change in the example's values: it renders, and the first student may start."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from coursehub.cli.main import main

from tests.chart.helm import ROOT, VERSION, Chart, hub_values

PAGE = (ROOT / "docs/admins.md").read_text()
COURSES = ROOT / "docs/examples/smallest.yaml"
PYTHON = yaml.safe_load(re.findall(r"`(images: \{python: .*?\})`", PAGE)[0])
MARIA = yaml.safe_load(re.findall(r"`(maria: \{.*?\})`", PAGE)[0])


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """SITE.yaml after step 5, at a site without a private registry and a secret of its login."""
    values: dict[str, Any] = yaml.safe_load((ROOT / "values/example-university.yaml").read_text())
    values |= PYTHON
    values["identity"]["file"]["people"] |= MARIA
    for key in ("nodes", "groups"):
        del values[key]
    del values["general"]["groups"]
    upstream = values["jupyterhub"]
    del upstream["singleuser"], upstream["hub"]["existingSecret"], upstream["hub"]["image"]["pullSecrets"]
    file = tmp_path / "SITE.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


def test_the_values_of_the_first_install_render_with_the_first_course(chart: Chart, site: Path) -> None:
    tag = {"jupyterhub": {"hub": {"image": {"tag": VERSION}}}}
    objects = chart.render(tag, site, courses={"main": COURSES})
    assert hub_values(objects)["hub"]["config"]["JupyterHub"]["subdomain_host"] == "https://jupyter.example.edu"
    assert "statistics-lab" in objects["ConfigMap", "coursehub-courses"]["data"]["main.yaml"]


def test_the_first_student_may_start_the_first_course(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--site", str(site), str(COURSES)]) == 0
    assert capsys.readouterr().out == "", "nothing is printed where all is well"
    (maria,) = MARIA
    asked = ["--user", maria, "--course", "statistics-lab", "--role", "student"]
    assert main(["explain", "--site", str(site), *asked, str(COURSES)]) == 0
    assert PYTHON["images"]["python"] in capsys.readouterr().out
