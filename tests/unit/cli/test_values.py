"""A site's values before the install: the chart's defaults below them, and null takes one away."""

from pathlib import Path

from coursehub.cli import values


def test_a_later_file_goes_over_an_earlier_one_and_null_takes_a_default_away(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("corePriority: 5\nnetwork: {dns: {node: null}}\n")
    (tmp_path / "two.yaml").write_text("corePriority: null\n")
    found = values.of([tmp_path / "one.yaml", tmp_path / "two.yaml"])
    assert "corePriority" not in found
    assert set(values.at(found, "network.dns")) == {"cluster", "openshift"}


def test_what_is_no_map_counts_as_an_empty_one() -> None:
    assert values.at({"storage": "nfs"}, "storage.nfs") == {}
    assert values.pull_secrets({"jupyterhub": {"imagePullSecrets": "one"}}, "hub") == []


def test_secrets_for_registries_are_named_as_upstream_takes_them() -> None:
    hub = {"image": {"pullSecrets": ["two"]}}
    assert values.pull_secrets({"jupyterhub": {"imagePullSecrets": [{"name": "one"}], "hub": hub}}, "hub") == [
        "one",
        "two",
    ]
