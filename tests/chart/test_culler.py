"""The culler's pod: what it runs, what it may, whom it reaches."""

from typing import Any

import pytest

from tests.chart.helm import Chart, Objects, at, hub_values, look_up, on_a_claim, pod_spec

CULLER = "coursehub-culler"
UPSTREAMS = {"list:users", "read:users:activity", "read:servers", "delete:servers"}


@pytest.fixture
def spec(objects: Objects) -> dict[str, Any]:
    return pod_spec(objects, CULLER)


def mounted(spec: dict[str, Any], path: str) -> dict[str, Any]:
    """The volume at `path`, which is there to be read only."""
    (mount,) = (each for each in spec["containers"][0]["volumeMounts"] if each["mountPath"] == path)
    assert mount["readOnly"] is True
    return next(each for each in spec["volumes"] if each["name"] == mount["name"])


def test_it_may_no_more_than_upstreams_culler(objects: Objects) -> None:
    roles = look_up(hub_values(objects), "hub.loadRoles")
    of_it = [role for role in roles.values() if CULLER in role["services"]]
    assert [set(role["scopes"]) for role in of_it] == [UPSTREAMS]
    assert not look_up(hub_values(objects), f"hub.services.{CULLER}.admin")


def test_it_has_the_token_that_the_hub_knows_it_by_and_nothing_else_of_the_hubs_secret(
    objects: Objects, spec: dict[str, Any]
) -> None:
    (source,) = mounted(spec, "/run/secrets/coursehub")["projected"]["sources"]
    assert source["secret"]["name"] == "hub"
    (item,) = source["secret"]["items"]
    assert item == {"key": f"hub.services.{CULLER}.apiToken", "path": "token"}
    assert objects["Secret", "hub"]["data"][item["key"]]
    assert "--token=/run/secrets/coursehub/token" in spec["containers"][0]["args"]
    assert spec["automountServiceAccountToken"] is False


def test_it_runs_the_hubs_image_and_follows_the_hubs_files(objects: Objects, spec: dict[str, Any]) -> None:
    (container,) = spec["containers"]
    assert container["image"] == pod_spec(objects, "hub")["containers"][0]["image"]
    assert container["command"][-1] == "coursehub.culler"
    for path, name in {
        "/etc/coursehub/site": "coursehub-site",
    }.items():
        assert mounted(spec, path)["configMap"] == {"name": name}
    ours = mounted(spec, "/etc/coursehub/courses/coursehub-courses")["configMap"]
    assert ours == {"name": "coursehub-courses", "optional": False}
    assert "--courses=/etc/coursehub/courses" in container["args"]


# Some of them YAML takes for no text.
NAMES = ("algebra", "faculty.of.law", "2026", "null", "true", "0x1f")


def test_each_config_map_of_the_sites_is_its_too_and_may_be_missing(chart: Chart) -> None:
    spec = pod_spec(chart.render(at("courses.existingConfigMaps", [*NAMES])), CULLER)
    for name in NAMES:
        assert mounted(spec, f"/etc/coursehub/courses/{name}")["configMap"] == {"name": name, "optional": True}
    volumes = [volume["name"] for volume in spec["volumes"]]
    assert len(set(volumes)) == len(volumes)
    assert not any("." in name for name in volumes), "a volume's name holds no dot"


@pytest.mark.parametrize("name", ["x", "2026", "true"])
def test_course_files_on_a_volume_are_its_too(chart: Chart, name: str) -> None:
    claim = {"claimName": name, "readOnly": True}
    spec = pod_spec(chart.render(on_a_claim(name)), CULLER)
    assert mounted(spec, "/etc/coursehub/courses/_claim")["persistentVolumeClaim"] == claim


def test_it_finds_the_hub_where_the_site_has_put_it(chart: Chart, spec: dict[str, Any]) -> None:
    assert "--api=http://hub:8081/hub/api" in spec["containers"][0]["args"]
    moved = pod_spec(chart.render(at("jupyterhub.hub.baseUrl", "/jupyter/")), CULLER)
    assert "--api=http://hub:8081/jupyter/hub/api" in moved["containers"][0]["args"]


def test_it_reaches_the_hub_and_dns_and_nobody_reaches_it(objects: Objects) -> None:
    labels = objects["Deployment", CULLER]["spec"]["template"]["metadata"]["labels"]
    policy = objects["NetworkPolicy", CULLER]["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["ingress"] == []
    hub, *dns = policy["egress"]
    assert hub["to"] == [{"podSelector": {"matchLabels": {"component": "hub", "release": "coursehub"}}}]
    assert {port["port"] for rule in dns for port in rule["ports"]} == {53, 5353, 8053}
    assert all(rule["to"] for rule in dns), "an empty list would be everywhere"
    assert labels["hub.jupyter.org/network-access-hub"] == "true", "the hub's policy would not let it in"


def test_its_memory_and_processor_time_are_guaranteed(spec: dict[str, Any]) -> None:
    resources = spec["containers"][0]["resources"]
    assert resources["requests"] == resources["limits"]
    assert set(resources["limits"]) == {"cpu", "memory"}
