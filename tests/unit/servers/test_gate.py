"""Whatever bends a pod, either the plan's value wins or the gate refuses with a sentence for the person."""

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from coursehub.config.profiles import GENERAL, parse
from coursehub.errors import GateClosed
from coursehub.hub.hooks import Forbidden
from coursehub.servers import gate
from coursehub.servers.gate import Server
from coursehub.servers.plan import PodPlan, make
from kubernetes_asyncio import client
from kubernetes_asyncio.client import V1EnvVar, V1EnvVarSource, V1SecretKeySelector

from tests.support import ANNA, MARIA, TODAY, catalog, site
from tests.unit.conftest import FRAME, LABELS, Spawner, hooks, start
from tests.unit.pods import AWAY, CELLS, GPU, MADE_BY, Cell, each_cell, golden

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
    "Y13 annotations": {"extra_annotations": {"k8s.v1.cni.cncf.io/networks": "storage"}},
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
    "N9 scratch": {
        "extra_resource_limits": {"ephemeral-storage": "1T"},
        "extra_resource_guarantees": {"ephemeral-storage": "1T"},
    },
    "N9 a volume without a bound": {"volumes": {"run": {"name": "run", "emptyDir": {}}}},
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
# What of the hub's configuration is the hub's alone: how a server finds it, and what its token and its visitors may.
HUBS = {
    "access by anybody": {"oauth_access_scopes": ["access:servers"]},
    "address of the hub": {"hub_connect_url": "http://evil.example:8081"},
    "address of the hub and the server": {"public_hub_url": "https://evil.example/", "public_url": "https://evil"},
    "admin access": {"admin_access": True},
    "another hub": {"hub": SimpleNamespace(public_host="http://evil", base_url="/x/hub/", api_url="http://evil/api")},
    "another person's client": {"oauth_client_id": "jupyterhub-user-anna"},
    "cookies": {"cookie_options": {"domain": "example.edu"}, "cookie_host_prefix_enabled": True},
    "debugging": {"debug": True},
    "listening elsewhere": {"ip": "127.0.0.1", "port": 9999},
    "rights of visitors": {"oauth_client_allowed_scopes": ["inherit"]},
    "variables in the old way": {"env": {"JUPYTERHUB_ALLOW_TOKEN_IN_URL": "1", "LD_PRELOAD": "/home/maria/evil.so"}},
}

wins = pytest.mark.parametrize("values", [pytest.param(values, id=name) for name, values in TRAITS.items()])
hubs = pytest.mark.parametrize("values", [pytest.param(values, id=name) for name, values in HUBS.items()])
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


def bending(values: dict[str, Any]) -> Any:
    """A site's hook that gives the spawner these values."""

    def bend(used: Any) -> None:
        for name, value in values.items():
            setattr(used, name, value)

    return bend


@wins
async def test_the_sites_pre_spawn_hook_changes_nothing_that_the_plan_owns(
    spawner: Spawner, values: dict[str, Any]
) -> None:
    assert await start(hooks(pre_spawn_hook=bending(values)), spawner()) == await start(hooks(), spawner())


@hubs
async def test_group_overrides_change_nothing_of_how_a_server_finds_its_hub(
    spawner: Spawner, values: dict[str, Any]
) -> None:
    overrides = {"all": {"groups": ["everyone"], "spawner_override": values}}
    ours, used = hooks(), spawner(group_overrides=overrides)
    plain = await start(hooks(), spawner())
    assert await start(ours, used) == plain
    assert await start(ours, used) == plain


@hubs
async def test_the_sites_pre_spawn_hook_changes_nothing_of_how_a_server_finds_its_hub(
    spawner: Spawner, values: dict[str, Any]
) -> None:
    assert await start(hooks(pre_spawn_hook=bending(values)), spawner()) == await start(hooks(), spawner())


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"server_token_scopes": ["inherit"]}, id="rights of the token"),
        pytest.param({"oauth_client_allowed_scopes": ["inherit"], "oauth_roles": ["admin"]}, id="rights of visitors"),
        pytest.param({"pod_connect_ip": "evil.example", "services_enabled": True}, id="where the hub finds the server"),
    ],
)
async def test_what_overrides_say_beside_the_pod_is_gone_again_before_it_is_made(
    spawner: Spawner, values: dict[str, Any]
) -> None:
    used = spawner(group_overrides={"all": {"groups": ["everyone"], "spawner_override": values}})
    before = {name: getattr(used, name) for name in values}
    await start(hooks(), used)
    assert {name: getattr(used, name) for name in values} == before


async def test_what_overrides_merge_into_a_persons_cookie_options_is_not_in_the_next_persons(spawner: Spawner) -> None:
    shared: dict[str, Any] = {"SameSite": "strict"}
    values = {"cookie_options": {"domain": "example.edu"}}
    used = spawner(group_overrides={"all": {"groups": ["everyone"], "spawner_override": values}}, options=shared)
    await start(hooks(), used)
    assert shared == {"SameSite": "strict"}


async def test_what_the_configuration_says_of_the_way_to_the_hub_holds(spawner: Spawner) -> None:
    pod = await start(hooks(), spawner(hub_connect_url="http://10.0.0.1:8081", debug=True, port=9999))
    (notebook,) = pod["spec"]["containers"]
    found = {each["name"]: each["value"] for each in notebook["env"]}
    assert found["JUPYTERHUB_API_URL"].startswith("http://10.0.0.1:8081")
    assert found["JUPYTERHUB_DEBUG"] == "1"
    assert notebook["ports"] == [{"containerPort": 9999, "name": "notebook-port"}]


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


# JupyterHub's own, of which the contract has none written out.
TOLD = {"JUPYTERHUB_API_TOKEN": "a-secret-token", "JUPYTERHUB_API_URL": "http://hub:8081/hub/api"}


def written(cell: Cell) -> dict[str, Any]:
    """The cell's pod as it is written out, with its environment as a list; no builder had a hand in it."""
    pod = copy.deepcopy(golden(cell))
    (container,) = pod["spec"]["containers"]
    container["env"] = [{"name": name, "value": value} for name, value in (container["env"] | TOLD).items()]
    return pod


def planned(cell: Cell) -> PodPlan:
    profile = parse(cell.profile)
    assert profile
    live = catalog(cell.courses)
    return make(cell.person, profile, live.courses[cell.course] if cell.course else None, site(), TODAY)


def server(cell: Cell) -> Server:
    """What JupyterHub and KubeSpawner say of the cell's server."""
    name = cell.person.name
    told = {
        "CPU_GUARANTEE": "0.1",
        "CPU_LIMIT": str(cell.cpu),
        "JUPYTER_IMAGE": cell.image,
        "JUPYTER_IMAGE_SPEC": cell.image,
        "MEM_GUARANTEE": str(cell.guarantee),
        "MEM_LIMIT": str(cell.memory),
    }
    annotations = {**MADE_BY, "hub.jupyter.org/username": name}
    labels = {**OWNER, "hub.jupyter.org/username": name}
    return Server(f"jupyter-{name}", 8888, labels, annotations, told | TOLD)


@each_cell
def test_the_gate_opens_for_the_pod_that_the_contract_has_written_out(cell: Cell) -> None:
    gate.check(written(cell), planned(cell), FRAME, server(cell))


# Of a pod's fields these are the site's, and whichever value they have the gate is open.
FREE = {
    "pod.spec.affinity": "near which other pods it runs",
    "pod.spec.imagePullSecrets": "how images are pulled",
    "pod.spec.schedulerName": "which scheduler packs it",
    "pod.spec.terminationGracePeriodSeconds": "how long it may take to end",
    "pod.spec.containers.0.imagePullPolicy": "how images are pulled",
}


def closes(pod: dict[str, Any], cell: Cell) -> bool:
    try:
        gate.check(pod, planned(cell), FRAME, server(cell))
    except GateClosed:
        return True
    return False


def bent(part: Any, path: str = "pod") -> Iterator[str]:
    """Changes one value of a part of a pod after the other, and says which is another now."""
    for key, value in part.items() if isinstance(part, dict) else enumerate(part):
        if isinstance(value, (dict, list)) and value:
            yield from bent(value, f"{path}.{key}")
            continue
        part[key] = "another"
        yield f"{path}.{key}"
        part[key] = value


@each_cell
def test_the_gate_closes_whichever_value_of_the_written_pod_is_another(cell: Cell) -> None:
    pod = written(cell)
    passed = {what for what in bent(pod) if not closes(pod, cell)}
    assert passed == {"pod.spec.imagePullSecrets"} <= FREE.keys()


@each_cell
def test_the_gate_closes_whichever_value_of_the_written_pod_is_not_there(cell: Cell) -> None:
    def without(part: Any, path: str = "pod") -> Iterator[str]:
        for key in list(part if isinstance(part, dict) else range(len(part))):
            value = part[key]
            if isinstance(value, (dict, list)):
                yield from without(value, f"{path}.{key}")
            if value in ({}, []):
                continue
            kept = copy.deepcopy(part)
            del part[key]
            yield f"{path}.{key}"
            part.clear()
            part.update(kept) if isinstance(part, dict) else part.extend(kept)

    pod = written(cell)
    assert [what for what in without(pod) if not closes(pod, cell)] == []


# What Kubernetes itself knows of a pod, and where in the written pod each kind of part is.
MODELS: dict[str, type[Any]] = {
    "": client.V1Pod,
    "metadata": client.V1ObjectMeta,
    "spec": client.V1PodSpec,
    "spec.securityContext": client.V1PodSecurityContext,
    "spec.securityContext.seccompProfile": client.V1SeccompProfile,
    "spec.tolerations.0": client.V1Toleration,
    "spec.volumes.0": client.V1Volume,
    "spec.volumes.0.emptyDir": client.V1EmptyDirVolumeSource,
    "spec.volumes.1": client.V1Volume,
    "spec.volumes.1.persistentVolumeClaim": client.V1PersistentVolumeClaimVolumeSource,
    "spec.containers.0": client.V1Container,
    "spec.containers.0.env.0": client.V1EnvVar,
    "spec.containers.0.ports.0": client.V1ContainerPort,
    "spec.containers.0.resources": client.V1ResourceRequirements,
    "spec.containers.0.securityContext": client.V1SecurityContext,
    "spec.containers.0.securityContext.capabilities": client.V1Capabilities,
    "spec.containers.0.securityContext.seccompProfile": client.V1SeccompProfile,
    "spec.containers.0.volumeMounts.0": client.V1VolumeMount,
}
FIELDS = [
    pytest.param(path, model.attribute_map[name], kind, id=f"{path}.{name}".lstrip("."))
    for path, model in MODELS.items()
    for name, kind in model.openapi_types.items()
]


def another(kind: str, now: object) -> object:
    """A value of a field that Kubernetes' client says is of this kind, and not the one that is there."""
    if kind.startswith("list"):
        return ["another"] if kind == "list[str]" else [{"name": "another"}]
    return {"str": "another", "int": 7, "datetime": "another", "bool": not now}.get(kind, {"another": "x"})


@pytest.mark.parametrize(("path", "field", "kind"), FIELDS)
def test_each_field_of_a_pod_is_compared_or_has_to_be_empty_or_is_free_for_a_reason(
    path: str, field: str, kind: str
) -> None:
    cell = CELLS["general use"]
    pod = written(cell)
    part: Any = pod
    for step in filter(None, path.split(".")):
        part = part[int(step) if step.isdigit() else step]
    part[field] = another(kind, part.get(field))
    assert closes(pod, cell) != (".".join(filter(None, ("pod", path, field))) in FREE), part[field]


def test_the_fields_of_the_written_pod_are_those_that_kubernetes_knows() -> None:
    """What has no model above would be compared by nobody's list."""

    def parts(part: Any, path: str = "") -> Iterator[tuple[str, set[str]]]:
        if isinstance(part, dict):
            yield path, set(part)
        for key, value in part.items() if isinstance(part, dict) else enumerate(part):
            if isinstance(value, (dict, list)):
                yield from parts(value, f"{path}.{key}".lstrip("."))

    # Maps of names, whose keys are the plan's.
    maps = {"metadata.annotations", "metadata.labels", "spec.containers.0.lifecycle"}
    maps |= {f"spec.containers.0.resources.{which}" for which in ("limits", "requests")}
    for path, keys in parts(written(CELLS["general use"])):
        known = re.sub(r"(env|volumeMounts|tolerations)\.[0-9]+", r"\1.0", path)
        assert path in maps or keys <= set(MODELS[known].attribute_map.values()), path


def test_the_gate_holds_pods_against_where_the_installation_has_its_servers() -> None:
    cell = CELLS["instructor of a course that uses every key"]
    taint = {"key": "teaching", "operator": "Exists"}
    frame = replace(FRAME, claim="other", node_selector={"zone": "a"}, tolerations=(taint,), priority_class="servers")
    pod = written(cell)
    pod["spec"] |= {"nodeSelector": {"zone": "a", "kind": "gpu"}, "priorityClassName": "servers"}
    pod["spec"]["tolerations"] = [taint, GPU, *AWAY]
    pod["spec"]["volumes"][-1] = {"name": "share", "persistentVolumeClaim": {"claimName": "other"}}
    gate.check(pod, planned(cell), frame, server(cell))
    with pytest.raises(GateClosed):
        gate.check(written(cell), planned(cell), frame, server(cell))


def container(pod: Any) -> Any:
    return pod.spec.containers[0]


def environment(name: str, value: str) -> Callable[[Any], object]:
    return lambda pod: container(pod).env.append(V1EnvVar(name=name, value=value))


def set_to(name: str, value: str) -> Callable[[Any], object]:
    def bend(pod: Any) -> None:
        (found,) = (each for each in container(pod).env if each.name == name)
        assert found.value != value
        found.value = value

    return bend


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
    "Y13 annotation for another network": lambda pod: pod.metadata.annotations.update(
        {"k8s.v1.cni.cncf.io/networks": "storage"}
    ),
    "Y13 annotation of another person": lambda pod: pod.metadata.annotations.update(
        {"hub.jupyter.org/username": "anna"}
    ),
    "Y13 annotation taken away": lambda pod: pod.metadata.annotations.clear(),
    "Y13 owner": lambda pod: setattr(pod.metadata, "owner_references", [{"kind": "Pod", "name": "x", "uid": "1"}]),
    "Y13 finalizer": lambda pod: setattr(pod.metadata, "finalizers", ["example.edu/never"]),
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
    "Y21 another hub": set_to("JUPYTERHUB_API_URL", "http://evil.example/hub/api"),
    "Y21 another host": set_to("JUPYTERHUB_HOST", "http://evil.example"),
    "Y21 another person": set_to("JUPYTERHUB_USER", "anna"),
    "Y21 visitors": set_to("JUPYTERHUB_OAUTH_ACCESS_SCOPES", '["access:servers"]'),
    "Y21 another prefix": set_to("JUPYTERHUB_SERVICE_URL", "http://0.0.0.0:8888/user/anna/"),
    "Y21 another token": set_to("JUPYTERHUB_API_TOKEN", "anothers"),
    "Y21 more memory than there is": set_to("MEM_LIMIT", "1"),
    "Y21 another image": set_to("JUPYTER_IMAGE", "evil/x"),
    "Y21 a variable taken away": lambda pod: container(pod).env.pop(),
    "Y21 a variable twice": lambda pod: container(pod).env.append(container(pod).env[0]),
    "S1 a secret under JupyterHub's prefix": from_secret("JUPYTERHUB_CRYPT_KEY"),
    "S1 a secret under JupyterHub's name": from_secret("JUPYTERHUB_API_TOKEN"),
    "restarts in place": lambda pod: setattr(pod.spec, "restart_policy", "OnFailure"),
    "last words": lambda pod: setattr(container(pod), "termination_message_policy", "File"),
    "last words from elsewhere": lambda pod: setattr(container(pod), "termination_message_path", "/home/maria/x"),
    "limits": lambda pod: container(pod).resources.limits.update(memory="500G"),
    "limits taken away": lambda pod: container(pod).resources.limits.clear(),
    "devices claimed": lambda pod: setattr(container(pod).resources, "claims", [{"name": "gpu"}]),
    "N9 scratch without a limit": lambda pod: container(pod).resources.limits.pop("ephemeral-storage"),
    "N9 more scratch": lambda pod: container(pod).resources.limits.update({"ephemeral-storage": "1T"}),
    "N9 scratch without a request": lambda pod: container(pod).resources.requests.pop("ephemeral-storage"),
    "N9 scratch kept free": lambda pod: container(pod).resources.requests.update({"ephemeral-storage": "1T"}),
    "N9 a volume without a bound": lambda pod: pod.spec.volumes[0].empty_dir.pop("sizeLimit"),
    "N9 a larger volume": lambda pod: pod.spec.volumes[0].empty_dir.update(sizeLimit="1T"),
    "N9 a volume in memory": lambda pod: pod.spec.volumes[0].empty_dir.update(medium="Memory"),
    "N9 one more volume": lambda pod: pod.spec.volumes.append({"name": "more", "emptyDir": {}}),
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
        pytest.param({"scheduler_name": "packing"}, id="scheduler"),
    ],
)
async def test_what_is_the_sites_to_set_passes(spawner: Spawner, values: dict[str, Any]) -> None:
    pod, plain = await start(hooks(), spawner(**values)), await start(hooks(), spawner())
    assert pod != plain, "the value has no effect"


async def test_annotations_of_the_installation_are_in_the_pod_with_their_persons_name(spawner: Spawner) -> None:
    frame = replace(FRAME, annotations={"example.edu/who": "{username}", "sidecar.istio.io/inject": "false"})
    pod = await start(hooks(frame=frame), spawner())
    assert pod["metadata"]["annotations"] == {
        **MADE_BY,
        "example.edu/who": "maria",
        "hub.jupyter.org/username": "maria",
        "sidecar.istio.io/inject": "false",
    }


async def test_the_hubs_environment_reaches_no_server(spawner: Spawner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_CRYPT_KEY", "secret")
    monkeypatch.setenv("CONFIGPROXY_AUTH_TOKEN", "secret")
    pod = await start(hooks(), spawner(env_keep=["JUPYTERHUB_CRYPT_KEY", "CONFIGPROXY_AUTH_TOKEN"]))
    assert "secret" not in str(pod)


async def test_the_address_of_a_gradebook_comes_from_its_own_key_of_its_own_secret_and_from_no_other(
    spawner: Spawner,
) -> None:
    text = "courses: {c: {name: C, gid: 70101, instructors: [anna], nbgrader: {gradebook: postgresql}}}"

    async def variables(**hook: Any) -> list[dict[str, Any]]:
        pod = await start(hooks(catalog(text), **hook), spawner(ANNA, "c--grading"))
        return [each for each in pod["spec"]["containers"][0]["env"] if each.get("valueFrom")]

    reference = {"name": "coursehub-gradebooks", "key": "c", "optional": True}
    wanted = {"name": "COURSEHUB_GRADEBOOK_URL", "valueFrom": {"secretKeyRef": reference}}
    assert await variables() == [wanted]
    for bent in ({"key": "other"}, {"name": "hub"}, {"optional": None}):

        def bend(_: Any, pod: Any, bent: dict[str, Any] = bent) -> Any:
            (found,) = (each for each in container(pod).env if each.value_from)
            found.value_from["secretKeyRef"].update(bent)
            return pod

        with pytest.raises(Forbidden):
            await variables(modify_pod_hook=bend)


def test_the_admin_reads_each_difference() -> None:
    planned = make(MARIA, GENERAL, None, site(), TODAY)
    pod = {"metadata": {}, "spec": {"hostNetwork": True, "containers": [{"name": "a"}, {"name": "b"}]}}
    with pytest.raises(GateClosed) as closed:
        gate.check(pod, planned, FRAME, server(CELLS["general use"]))
    assert "metadata.name is None, not jupyter-maria" in str(closed.value)
    assert "spec.hostNetwork is set, which the plan does not have" in str(closed.value)
    assert "spec.automountServiceAccountToken is None, not False" in str(closed.value)
    assert "spec.containers are ['a', 'b'], not ['notebook']" in str(closed.value)
    assert "labels is {}, not {'app': 'jupyterhub', " in str(closed.value)


def test_s1_the_log_says_which_variable_is_another_and_neither_value_of_it() -> None:
    cell = CELLS["general use"]
    pod = written(cell)
    for each in pod["spec"]["containers"][0]["env"]:
        each["value"] = "a-hooks-secret"
    with pytest.raises(GateClosed) as closed:
        gate.check(pod, planned(cell), FRAME, server(cell))
    assert "the variable JUPYTERHUB_API_TOKEN has another value" in str(closed.value)
    assert "secret" not in str(closed.value)
    assert "secret" not in repr(server(cell))
