"""values.schema.yaml documents every key, and nothing that does not exist."""

from typing import Any

import pytest
import yaml

from tests.chart.helm import ROOT, look_up

SCHEMA = yaml.safe_load((ROOT / "chart/values.schema.yaml").read_text())
VALUES = yaml.safe_load((ROOT / "chart/values.yaml").read_text())
# Without a default: a site has to choose, or helm shares the key with other charts.
NO_DEFAULT = {
    *("storage.nfs", "storage.existingClaim", "storage.hostPath"),
    *("storage.provisioner.url", "storage.provisioner.existingClaim", "storage.check.schedule"),
    *(
        "courseGids",
        "siteModule",
        "courses.existingClaim",
        "general.resources.node",
        "identity.ldap",
        "identity.login.",
    ),
    *(
        "usage.prometheus",
        "monitoring.spawnTest.url",
        "monitoring.serviceMonitor.existingSecret",
        "general.resources.guarantee.scratch",
    ),
    *("quotas.home.", "quotas.course."),
    *("enabled", "global"),
}


def _properties(schema: dict[str, Any], path: str = "") -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for key, below in schema.get("properties", {}).items():
        here = f"{path}{key}"
        target = SCHEMA["definitions"][below["$ref"].rpartition("/")[2]] if "$ref" in below else below
        found |= {here: target, **_properties(target, f"{here}.")}
    return found


PROPERTIES = _properties(SCHEMA)


@pytest.mark.parametrize("path", PROPERTIES)
def test_a_key_says_what_it_is_for(path: str) -> None:
    assert PROPERTIES[path].get("description"), path


@pytest.mark.parametrize("path", PROPERTIES)
def test_a_key_has_a_default_or_is_the_sites_choice(path: str) -> None:
    if not any(path.startswith(key) for key in NO_DEFAULT):
        assert look_up(VALUES, path) is not None


@pytest.mark.parametrize("path", [path for path, each in PROPERTIES.items() if each.get("type") == "object"])
def test_an_unknown_key_is_refused_but_where_other_charts_read(path: str) -> None:
    assert PROPERTIES[path]["additionalProperties"] is (path in {"global", "jupyterhub"})


def test_every_default_is_in_the_schema() -> None:
    def leaves(values: dict[str, Any], path: str = "") -> list[str]:
        return [
            leaf
            for key, value in values.items()
            for leaf in (leaves(value, f"{path}{key}.") if isinstance(value, dict) and value else [f"{path}{key}"])
        ]

    ours = {key: value for key, value in VALUES.items() if key != "jupyterhub"}
    assert [leaf for leaf in leaves(ours) if leaf not in PROPERTIES] == []


def test_values_hold_no_documentation_of_their_own() -> None:
    comments = [line for line in (ROOT / "chart/values.yaml").read_text().splitlines() if "#" in line]
    assert len(comments) <= 6, "describe keys in values.schema.yaml"
