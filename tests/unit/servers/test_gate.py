"""Whatever bends a pod, either the plan's value wins or the gate refuses with a sentence for the person."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from coursehub.config.profiles import GENERAL, parse
from coursehub.errors import GateClosed
from coursehub.hub.hooks import Forbidden
from coursehub.servers import gate
from coursehub.servers.plan import PodPlan, make
from kubernetes_asyncio.client import V1EnvVar, V1EnvVarSource, V1SecretKeySelector

from tests.support import MARIA, TODAY, catalog, site
from tests.unit.conftest import FRAME, LABELS, Spawner, hooks, start
from tests.unit.pods import AWAY, CELLS, GPU, Cell, each_cell, golden

SECRET = {"name": "secret", "secret": {"secretName": "hub"}}
ROOT = {"name": "root", "hostPath": {"path": "/"}}
OWNER = {"hub.jupyter.org/username": "maria", "hub.jupyter.org/servername": ""}
SIDECAR = {"name": "extra", "image": "evil/x", "securityContext": {"privileged": True}}

# Every way in which c.KubeSpawner, a group override or a site's hook could ask for more than the plan gives.
TRAITS = {
    "Y10 uid": {"uid": 0},
    "Y10 gid": {"gid": 0},
    "Y10 fs_gid": {"fs_gid": 100},
    "Y10 supplemental_gids": {"supplemental_gids": [0, 70103]},
    "Y10 pod_security_context": {"pod_security_context": {"runAsUser": 0, "supplementalGroups": [70103]}},
    "Y10 container_security_context": {"container_security_context": {"runAsUser": 0}},
    "Y10 capabilities": {"container_security_context": {"capabilities": {"add": ["SYS_ADMIN"], "drop": []}}},
    "Y11 secret volume": {"volumes": [SECRET], "volume_mounts": [{"name": "secret", "mountPath": "/etc/secret"}]},
    "Y11 host path": {"volumes": [ROOT], "volume_mounts": [{"name": "root", "mountPath": "/host"}]},
    "Y11 nfs": {"volumes": [{"name": "n", "nfs": {"server": "nfs", "path": "/"}}]},
    "Y11 volumes as a dict": {"volumes": {"x": SECRET}, "volume_mounts": {"x": {"name": "secret", "mountPath": "/s"}}},
    "Y11 mount over /etc": {"volume_mounts": [{"name": "share", "mountPath": "/etc"}]},
    "Y11 mount at /": {"volume_mounts": [{"name": "share", "mountPath": "/"}]},
    "Y12 service_account": {"service_account": "hub"},
    "Y12 token": {"automount_service_account_token": True},
    "Y12 privileged": {"privileged": True},
    "Y12 privilege escalation": {"allow_privilege_escalation": True},
    "Y12 hostNetwork": {"extra_pod_config": {"hostNetwork": True}},
    "Y12 hostPID": {"extra_pod_config": {"host_pid": True}},
    "Y12 extra_containers": {"extra_containers": [SIDECAR]},
    "Y12 init_containers": {"init_containers": [SIDECAR]},
    "Y12 lifecycle_hooks": {"lifecycle_hooks": {"postStart": {"exec": {"command": ["sh", "-c", "id"]}}}},
    "Y12 cmd": {"cmd": ["sh", "-c", "id"]},
    "Y12 args": {"args": ["--ServerApp.ip=0.0.0.0"]},
    "Y12 extra_container_config": {"extra_container_config": {"command": ["sh"]}},
    "Y12 envFrom": {"extra_container_config": {"envFrom": [{"secretRef": {"name": "hub"}}]}},
    "restarts in place": {"extra_pod_config": {"restartPolicy": "OnFailure"}},
    "last words": {"extra_container_config": {"terminationMessagePolicy": "File"}},
    "finished pods": {"delete_stopped_pods": False, "events_enabled": False},
    "Y13 network access": {"extra_labels": {"hub.jupyter.org/network-access-proxy-api": "true"}},
    "Y13 another's name and component": {
        "extra_labels": {"hub.jupyter.org/username": "anna", "component": "hub", "app.kubernetes.io/component": "hub"}
    },
    "Y14 profile list": {
        "profile_list": [{"slug": "python-intro", "display_name": "x", "kubespawner_override": {"uid": 0}}]
    },
    "Y14 namespace": {"namespace": "kube-system"},
    "Y14 pod name": {"pod_name": "jupyter-anna"},
    "Y14 pod name template": {"pod_name_template": "hub"},
    "Y14 priority": {"priority_class_name": "system-node-critical"},
    "Y14 node selector": {"node_selector": {"kind": "control-plane"}},
    "Y14 tolerations": {"tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]},
    "Y15 image": {"image": "evil/x"},
    "Y21 environment": {"environment": {"LD_PRELOAD": "/home/maria/evil.so", "HOME": "/root"}},
    "limits": {"mem_limit": "500G", "cpu_limit": 64, "mem_guarantee": "400G", "cpu_guarantee": 32},
    "extra limits": {"extra_resource_limits": {"nvidia.com/gpu": "8"}},
    "extra guarantees": {"extra_resource_guarantees": {"nvidia.com/gpu": "8"}},
    "working directory": {"working_dir": "/course"},
    "user's configuration": {"disable_user_config": False},
    "start directory": {"notebook_dir": "/course", "default_url": "/evil"},
}
# What the plan does not set at all, so that only the gate stands in the way.
GATED = {
    "Y13 component": {"component_label": "hub"},
    "Y13 common label": {"common_labels": {**LABELS, "hub.jupyter.org/network-access-proxy-api": "true"}},
    "Y13 another's name": {"common_labels": {**LABELS, "hub.jupyter.org/username": "anna"}},
    "Y13 another release": {"common_labels": {**LABELS, "release": "other"}},
    "Y13 another application": {"common_labels": {**LABELS, "app": "other"}},
}

wins = pytest.mark.parametrize("values", [pytest.param(values, id=name) for name, values in TRAITS.items()])
gated = pytest.mark.parametrize("values", [pytest.param(values, id=name) for name, values in GATED.items()])


@wins
async def test_singleuser_values_of_the_site_change_nothing_that_the_plan_owns(
    spawner: Spawner, values: dict[str, Any]
) -> None:
    assert await start(hooks(), spawner(**values)) == await start(hooks(), spawner())


@wins
async def test_group_overrides_change_nothing_that_the_plan_owns(spawner: Spawner, values: dict[str, Any]) -> None:
    overrides = {"all": {"groups": ["everyone"], "spawner_override": values}}
    ours, used = hooks(), spawner(group_overrides=overrides)
    plain = await start(hooks(), spawner())
    assert await start(ours, used) == plain
    assert await start(ours, used) == plain, (
        "a second start finds the first one's values, which overrides then merge into"
    )


@wins
async def test_the_sites_pre_spawn_hook_changes_nothing_that_the_plan_owns(
    spawner: Spawner, values: dict[str, Any]
) -> None:
    def bend(used: Any) -> None:
        for name, value in values.items():
            setattr(used, name, value)

    assert await start(hooks(pre_spawn_hook=bend), spawner()) == await start(hooks(), spawner())


@gated
async def test_singleuser_values_that_the_plan_does_not_set_are_stopped_at_the_gate(
    spawner: Spawner, values: dict[str, Any]
) -> None:
    with pytest.raises(Forbidden, match="Please tell the administrators"):
        await start(hooks(), spawner(**values))


@gated
async def test_group_overrides_that_the_plan_does_not_set_are_stopped_at_the_gate(
    spawner: Spawner, values: dict[str, Any]
) -> None:
    overrides = {"all": {"groups": ["everyone"], "spawner_override": values}}
    with pytest.raises(Forbidden, match="Please tell the administrators"):
        await start(hooks(), spawner(group_overrides=overrides))


@gated
async def test_what_the_sites_pre_spawn_hook_sets_and_the_plan_does_not_is_stopped_at_the_gate(
    spawner: Spawner, values: dict[str, Any]
) -> None:
    def bend(used: Any) -> None:
        for name, value in values.items():
            setattr(used, name, value)

    with pytest.raises(Forbidden, match="Please tell the administrators"):
        await start(hooks(pre_spawn_hook=bend), spawner())


async def test_group_overrides_cannot_take_the_gate_away(spawner: Spawner) -> None:
    def let_through(used: Any, pod: Any) -> Any:
        pod.spec.host_network = True
        return pod

    overrides = {"all": {"groups": ["everyone"], "spawner_override": {"modify_pod_hook": lambda _: let_through}}}
    assert await start(hooks(), spawner(group_overrides=overrides)) == await start(hooks(), spawner())


async def test_a_pod_without_a_plan_is_stopped_at_the_gate(spawner: Spawner) -> None:
    overrides = {"all": {"groups": ["everyone"], "spawner_override": {"pre_spawn_hook": lambda _: lambda _: None}}}
    used = spawner(group_overrides=overrides)
    used.user_options = {}
    with pytest.raises(Forbidden, match="Please tell the administrators"):
        await start(hooks(), used)


async def test_group_overrides_never_bend_what_the_gate_compares_with(spawner: Spawner) -> None:
    values = {"container_security_context": {"capabilities": {"add": ["SYS_ADMIN"]}, "seccompProfile": {"type": "X"}}}
    ours = hooks()
    used = spawner(group_overrides={"all": {"groups": ["everyone"], "spawner_override": values}})
    for _ in range(3):
        await start(ours, used)
    (container,) = (await start(hooks(), spawner()))["spec"]["containers"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


async def test_y13_a_pods_labels_are_those_of_the_installation_the_person_and_the_plan_and_no_other(
    spawner: Spawner,
) -> None:
    pod = await start(hooks(), spawner(MARIA, "data-analysis"))
    assert pod["metadata"]["labels"] == {
        **LABELS,
        **OWNER,
        "app.kubernetes.io/component": "singleuser-server",
        "component": "singleuser-server",
        "hub.jupyter.org/network-access-hub": "true",
        "coursehub/role": "student",
        "coursehub/course": "data-analysis",
    }


def written(cell: Cell) -> dict[str, Any]:
    """The cell's pod as it is written out, with its environment as a list; no builder had a hand in it."""
    pod = copy.deepcopy(golden(cell))
    (container,) = pod["spec"]["containers"]
    container["env"] = [{"name": name, "value": value} for name, value in container["env"].items()]
    return pod


def planned(cell: Cell) -> PodPlan:
    profile = parse(cell.profile)
    assert profile
    live = catalog(cell.courses)
    return make(cell.person, profile, live.courses[cell.course] if cell.course else None, site(), TODAY)


def owner(cell: Cell) -> dict[str, str]:
    return {**OWNER, "hub.jupyter.org/username": cell.person.name}


@each_cell
def test_the_gate_opens_for_the_pod_that_the_contract_has_written_out(cell: Cell) -> None:
    gate.check(written(cell), planned(cell), FRAME, f"jupyter-{cell.person.name}", owner(cell))


# Of the written pods these are no promise of the plan's: what KubeSpawner tells the server of itself, and its port.
FREE = {
    "spec.imagePullSecrets",
    *(f"spec.containers.0.ports.0.{key}" for key in ("containerPort", "name")),
    *(f"env {resource}_{amount}" for resource in ("CPU", "MEM") for amount in ("GUARANTEE", "LIMIT")),
    *("env JUPYTER_IMAGE", "env JUPYTER_IMAGE_SPEC"),
}


def bent(part: Any, path: str = "spec") -> Iterator[str]:
    """Changes one value of a part of a pod after the other, and says which is another now."""
    for key, value in part.items() if isinstance(part, dict) else enumerate(part):
        if isinstance(value, (dict, list)) and value:
            yield from bent(value, f"{path}.{key}")
            continue
        part[key] = "another"
        yield f"env {part['name']}" if key == "value" else f"{path}.{key}"
        part[key] = value


@each_cell
def test_the_gate_closes_whichever_value_of_the_written_pod_is_another(cell: Cell) -> None:
    pod, passed = written(cell), set()
    for what in bent(pod["spec"]):
        try:
            gate.check(pod, planned(cell), FRAME, f"jupyter-{cell.person.name}", owner(cell))
        except GateClosed:
            continue
        passed.add(what)
    assert passed == FREE


def test_the_gate_holds_pods_against_where_the_installation_has_its_servers() -> None:
    cell = CELLS["instructor of a course that uses every key"]
    taint = {"key": "teaching", "operator": "Exists"}
    frame = replace(FRAME, claim="other", node_selector={"zone": "a"}, tolerations=(taint,), priority_class="servers")
    pod = written(cell)
    pod["spec"] |= {"nodeSelector": {"zone": "a", "kind": "gpu"}, "priorityClassName": "servers"}
    pod["spec"]["tolerations"] = [taint, GPU, *AWAY]
    pod["spec"]["volumes"][-1] = {"name": "share", "persistentVolumeClaim": {"claimName": "other"}}
    gate.check(pod, planned(cell), frame, "jupyter-anna", owner(cell))
    with pytest.raises(GateClosed):
        gate.check(written(cell), planned(cell), frame, "jupyter-anna", owner(cell))


def container(pod: Any) -> Any:
    return pod.spec.containers[0]


def environment(name: str, value: str) -> Callable[[Any], object]:
    return lambda pod: container(pod).env.append(V1EnvVar(name=name, value=value))


def from_secret(name: str) -> Callable[[Any], object]:
    key = V1SecretKeySelector(name="hub", key="hub.config.JupyterHub.cookie_secret")
    return lambda pod: container(pod).env.append(V1EnvVar(name=name, value_from=V1EnvVarSource(secret_key_ref=key)))


BENDS: dict[str, Callable[[Any], object]] = {
    "Y10 uid of the pod": lambda pod: pod.spec.security_context.update(runAsUser=0),
    "Y10 gid of the pod": lambda pod: pod.spec.security_context.update(runAsGroup=0),
    "Y10 uid of the container": lambda pod: container(pod).security_context.update(runAsUser=0),
    "Y10 one more group": lambda pod: pod.spec.security_context["supplementalGroups"].append(70103),
    "Y10 fsGroup": lambda pod: pod.spec.security_context.update(fsGroup=100),
    "Y10 I7 groups of the image": lambda pod: pod.spec.security_context.update(supplementalGroupsPolicy="Merge"),
    "Y10 a capability": lambda pod: container(pod).security_context["capabilities"].update(add=["SYS_ADMIN"]),
    "Y10 capabilities kept": lambda pod: container(pod).security_context["capabilities"]["drop"].clear(),
    "Y10 seccomp of the pod": lambda pod: pod.spec.security_context["seccompProfile"].update(type="Unconfined"),
    "Y11 secret volume": lambda pod: pod.spec.volumes.append(SECRET),
    "Y11 host path": lambda pod: pod.spec.volumes.append(ROOT),
    "Y11 nfs": lambda pod: pod.spec.volumes.append({"name": "n", "nfs": {"server": "nfs", "path": "/"}}),
    "Y11 another claim": lambda pod: pod.spec.volumes[1].persistent_volume_claim.update(claimName="hub-db"),
    "Y11 mount of everyone's homes": lambda pod: container(pod).volume_mounts.append(
        {"name": "share", "mountPath": "/all"}
    ),
    "Y11 mount at /": lambda pod: container(pod).volume_mounts.append({"name": "run", "mountPath": "/"}),
    "Y11 mount over /etc": lambda pod: container(pod).volume_mounts.append({"name": "run", "mountPath": "/etc"}),
    "Y11 writable data": lambda pod: setattr(container(pod).volume_mounts[0], "read_only", None),
    "Y11 another's home": lambda pod: setattr(container(pod).volume_mounts[1], "sub_path", "home/01/anna"),
    "Y12 service account": lambda pod: setattr(pod.spec, "service_account_name", "hub"),
    "Y12 token": lambda pod: setattr(pod.spec, "automount_service_account_token", True),
    "Y12 privileged": lambda pod: container(pod).security_context.update(privileged=True),
    "Y12 privilege escalation": lambda pod: container(pod).security_context.update(allowPrivilegeEscalation=True),
    "Y12 environment from a secret": lambda pod: setattr(container(pod), "env_from", [{"secretRef": {"name": "hub"}}]),
    "Y12 ephemeral container": lambda pod: setattr(pod.spec, "ephemeral_containers", [SIDECAR]),
    "Y12 host network": lambda pod: setattr(pod.spec, "host_network", True),
    "Y12 host processes": lambda pod: setattr(pod.spec, "host_pid", True),
    "Y12 second container": lambda pod: pod.spec.containers.append(SIDECAR),
    "Y12 init container": lambda pod: setattr(pod.spec, "init_containers", [SIDECAR]),
    "Y12 lifecycle": lambda pod: setattr(container(pod), "lifecycle", {"postStart": {"exec": {"command": ["id"]}}}),
    "Y12 command": lambda pod: setattr(container(pod), "command", ["sh"]),
    "Y12 args": lambda pod: container(pod).args.append("--debug"),
    "Y12 host port": lambda pod: setattr(container(pod).ports[0], "host_port", 22),
    "Y13 label for the network": lambda pod: pod.metadata.labels.update(
        {"hub.jupyter.org/network-access-proxy-api": "true"}
    ),
    "Y13 component": lambda pod: pod.metadata.labels.update(component="hub"),
    "Y13 another's name": lambda pod: pod.metadata.labels.update({"hub.jupyter.org/username": "anna"}),
    "Y13 another server's name": lambda pod: pod.metadata.labels.update({"hub.jupyter.org/servername": "x"}),
    "Y13 another release": lambda pod: pod.metadata.labels.update(release="other"),
    "Y13 another application": lambda pod: pod.metadata.labels.update(app="other"),
    "Y13 the application taken away": lambda pod: pod.metadata.labels.pop("app"),
    "Y13 network label taken away": lambda pod: pod.metadata.labels.pop("hub.jupyter.org/network-access-hub"),
    "Y14 namespace": lambda pod: setattr(pod.metadata, "namespace", "kube-system"),
    "Y14 pod name": lambda pod: setattr(pod.metadata, "name", "jupyter-anna"),
    "Y14 priority": lambda pod: setattr(pod.spec, "priority_class_name", "system-node-critical"),
    "Y14 node selector": lambda pod: setattr(pod.spec, "node_selector", {"kind": "control-plane"}),
    "Y14 node": lambda pod: setattr(pod.spec, "node_name", "control-plane"),
    "Y14 tolerations": lambda pod: setattr(pod.spec, "tolerations", [{"operator": "Exists"}]),
    "Y15 image": lambda pod: setattr(container(pod), "image", "evil/x"),
    "Y21 environment": environment("LD_PRELOAD", "/home/maria/evil.so"),
    "Y21 home": environment("HOME", "/root"),
    "Y21 JupyterHub's own environment": environment("JUPYTERHUB_ALLOW_TOKEN_IN_URL", "1"),
    "Y21 user's configuration": environment("JUPYTERHUB_DISABLE_USER_CONFIG", ""),
    "S1 a secret under JupyterHub's prefix": from_secret("JUPYTERHUB_CRYPT_KEY"),
    "S1 a secret under JupyterHub's name": from_secret("JUPYTERHUB_API_TOKEN"),
    "restarts in place": lambda pod: setattr(pod.spec, "restart_policy", "OnFailure"),
    "last words": lambda pod: setattr(container(pod), "termination_message_policy", "File"),
    "last words from elsewhere": lambda pod: setattr(container(pod), "termination_message_path", "/home/maria/x"),
    "limits": lambda pod: container(pod).resources.limits.update(memory="500G"),
    "limits taken away": lambda pod: container(pod).resources.limits.clear(),
    "working directory": lambda pod: setattr(container(pod), "working_dir", "/"),
}


@pytest.mark.parametrize("bend", [pytest.param(bend, id=name) for name, bend in BENDS.items()])
async def test_a_pod_that_the_sites_modify_pod_hook_bent_is_refused_and_the_log_says_why(
    spawner: Spawner, bend: Callable[[Any], object], caplog: pytest.LogCaptureFixture
) -> None:
    def site_hook(used: Any, pod: Any) -> Any:
        bend(pod)
        return pod

    used = spawner()
    used.log.propagate = True
    with pytest.raises(Forbidden) as refusal:
        await start(hooks(modify_pod_hook=site_hook), used)
    assert refusal.value.jupyterhub_message == (
        "Your server was not started, because the site's configuration would have given it something that it must not "
        "have. Please tell the administrators; the hub's log says what it was."
    )
    assert "gate: refused the pod of user=maria: " in caplog.text
    # The next person is not concerned, and what the gate compares with is as it was.
    await start(hooks(), spawner())


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"node_affinity_required": [{"matchExpressions": []}]}, id="affinity"),
        pytest.param({"image_pull_secrets": ["registry"]}, id="pull secrets"),
        pytest.param({"image_pull_policy": "Always"}, id="pull policy"),
        pytest.param({"extra_annotations": {"a": "b"}}, id="annotations"),
        pytest.param({"scheduler_name": "packing"}, id="scheduler"),
    ],
)
async def test_what_is_the_sites_to_set_passes(spawner: Spawner, values: dict[str, Any]) -> None:
    pod, plain = await start(hooks(), spawner(**values)), await start(hooks(), spawner())
    assert pod != plain, "the value has no effect"


async def test_the_hubs_environment_reaches_no_server(spawner: Spawner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_CRYPT_KEY", "secret")
    monkeypatch.setenv("CONFIGPROXY_AUTH_TOKEN", "secret")
    pod = await start(hooks(), spawner(env_keep=["JUPYTERHUB_CRYPT_KEY", "CONFIGPROXY_AUTH_TOKEN"]))
    assert "secret" not in str(pod)


def test_the_admin_reads_each_difference() -> None:
    planned = make(MARIA, GENERAL, None, site(), TODAY)
    pod = {"metadata": {}, "spec": {"hostNetwork": True, "containers": [{"name": "a"}, {"name": "b"}]}}
    with pytest.raises(GateClosed) as closed:
        gate.check(pod, planned, FRAME, "jupyter-maria", OWNER)
    assert "metadata.name is None, not jupyter-maria" in str(closed.value)
    assert "spec.hostNetwork is set, which the plan does not have" in str(closed.value)
    assert "spec.automountServiceAccountToken is None, not False" in str(closed.value)
    assert "spec.containers are ['a', 'b'], not ['notebook']" in str(closed.value)
    assert "labels is {}, not {'app': 'jupyterhub', " in str(closed.value)
