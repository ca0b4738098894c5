"""What nobody's server can be reached without: never first to go, and elsewhere soon when its node goes."""

from typing import Any

import pytest

from tests.chart.helm import Chart, Objects, Values, at, merged, pod_spec

STORAGE = "teaching-storage/coursehub-provisioner"
CLASSES = "teaching-coursehub-classes"
CORE = ("hub", "proxy", STORAGE)
NAMES = ("jupyterhub.hub.extraPodSpec", "jupyterhub.proxy.chp.extraPodSpec")


@pytest.fixture(scope="module")
def core(chart: Chart) -> Objects:
    """The objects of a site that has all three of them."""
    return chart.render(at("storage.provisioner.enabled", True))


def named(hub: str | None, proxy: str | None) -> Values:
    """Values with these priority classes."""
    return merged(*(at(f"{path}.priorityClassName", name) for path, name in zip(NAMES, (hub, proxy), strict=True)))


@pytest.mark.parametrize("deployment", CORE)
def test_each_container_of_it_is_guaranteed_what_it_may_take(core: Objects, deployment: str) -> None:
    spec = pod_spec(core, deployment)
    for container in [*spec["containers"], *spec.get("initContainers", [])]:
        resources: dict[str, Any] = container["resources"]
        assert set(resources["limits"]) == {"cpu", "memory"}, f"{container['name']} makes the pod less than Guaranteed"
        assert resources["requests"] == resources["limits"]


@pytest.mark.parametrize("deployment", CORE)
def test_it_goes_before_servers_on_a_full_cluster(core: Objects, deployment: str) -> None:
    name = pod_spec(core, deployment)["priorityClassName"]
    priority = core["PriorityClass", name]
    assert priority["value"] == 1000000
    assert "globalDefault" not in priority, "servers would get it too"


@pytest.mark.parametrize("deployment", CORE)
def test_a_drain_moves_it(core: Objects, deployment: str) -> None:
    assert ("PodDisruptionBudget", deployment) not in core


@pytest.mark.parametrize(
    ("deployment", "switch"),
    [
        pytest.param("hub", "jupyterhub.hub.pdb.enabled", id="hub"),
        pytest.param("proxy", "jupyterhub.proxy.chp.pdb.enabled", id="proxy"),
        pytest.param("teaching-storage/coursehub-provisioner", "storage.provisioner.pdb.enabled", id="provisioner"),
    ],
)
def test_with_its_switch_on_nothing_moves_it_but_an_admin(chart: Chart, deployment: str, switch: str) -> None:
    objects = chart.render(merged(at("storage.provisioner.enabled", True), at(switch, True)))
    assert [name for kind, name in objects if kind == "PodDisruptionBudget"] == [deployment]
    budget = objects["PodDisruptionBudget", deployment]["spec"]
    assert budget["minAvailable"] == 1
    assert "maxUnavailable" not in budget
    template = objects["Deployment", deployment]["spec"]["template"]
    assert budget["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert objects["Deployment", deployment]["spec"]["replicas"] == 1


@pytest.mark.parametrize("deployment", CORE)
def test_it_waits_half_a_minute_for_a_node_that_does_not_answer(core: Objects, deployment: str) -> None:
    waits = {
        (each["key"], each["operator"], each["effect"]): each["tolerationSeconds"]
        for each in pod_spec(core, deployment)["tolerations"]
        if "tolerationSeconds" in each
    }
    assert waits == {
        ("node.kubernetes.io/not-ready", "Exists", "NoExecute"): 30,
        ("node.kubernetes.io/unreachable", "Exists", "NoExecute"): 30,
    }


def test_a_priority_of_the_sites_own_is_used_and_not_made(chart: Chart) -> None:
    values = merged(named("ours", "ours"), {"corePriority": None, "storage": {"provisioner": {"enabled": True}}})
    objects = chart.render(values)
    assert [name for kind, name in objects if kind == "PriorityClass"] == [CLASSES]
    assert {pod_spec(objects, deployment)["priorityClassName"] for deployment in CORE} == {"ours"}


def test_a_second_release_makes_a_class_of_another_name(chart: Chart) -> None:
    objects = chart.render(merged(named("second", "second"), {"corePriority": 5}))
    assert [(name, each["value"]) for (kind, name), each in objects.items() if kind == "PriorityClass"] == [
        ("second", 5),
        (CLASSES, -10),
    ]


def test_no_class_at_all_is_a_sites_choice(chart: Chart) -> None:
    objects = chart.render(named(None, None))
    assert [name for kind, name in objects if kind == "PriorityClass"] == [CLASSES]
    assert pod_spec(objects, "hub").get("priorityClassName") is None


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param(named("a", "b"), "b is not the hub's, a; write the same in both.", id="two classes"),
        pytest.param(named("a", None), "none is not the hub's, a; write the same in both.", id="the hub's alone"),
        pytest.param(
            at("jupyterhub.scheduling.podPriority.enabled", True),
            "leave it off, or set priorityClassName in hub.extraPodSpec and proxy.chp.extraPodSpec to null.",
            id="upstream's class too",
        ),
    ],
)
def test_classes_that_contradict_each_other_are_refused(chart: Chart, values: Values, said: str) -> None:
    assert said in chart.refusal(values)


def test_the_provisioner_gets_the_sites_resources(chart: Chart) -> None:
    resources = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
    provisioner = {"enabled": True, "resources": resources}
    (container,) = pod_spec(chart.render(at("storage.provisioner", provisioner)), STORAGE)["containers"]
    assert container["resources"] == resources
