"""The pod that executes a submission: the whole of it, and that nothing of person and course is in it."""

import runpy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from coursehub.config.profiles import Profile, Role
from coursehub.servers import execution, plan
from coursehub.servers.execution import Owner
from coursehub.servers.manifest import Frame
from coursehub.servers.plan import SHARE, Mount, PodPlan
from hypothesis import given
from hypothesis import strategies as st

from tests.support import ANNA, SITE, TODAY, course, site
from tests.unit.conftest import FRAME
from tests.unit.pods import AWAY, EVERYTHING, GPU, G

FOLDER = "0123456789abcdef" * 2
PROBES = ["192.0.2.1:80", "[2001:db8::1]:80"]
NBGRADER = '{"ExecutePreprocessor": {"timeout": 240}}'
KEYS = """\
gid: 70101
students: everyone
instructors: [anna]
data: read-write
image: r
resources: {cpu: 2, memory: 4G, scratch: 3G, guarantee: {cpu: 0.5, memory: 1G}}
nbgrader: {execute_timeout: 240}
environment: {COURSE_TERM: 'a $(id) $HOME'}
groups: {instructor: [licensed]}
"""
# The image's half of the contract, which runs where this package is not.
CARRY = runpy.run_path(str(Path(__file__).parents[3] / "images/singleuser/coursehub_carry.py"))


def grading(keys: str = KEYS) -> PodPlan:
    """The plan of anna's grading server."""
    return plan.make(ANNA, Profile(Role.GRADING, "c"), course(keys), site(), TODAY)


def pod(planned: PodPlan | None = None, frame: Frame = FRAME, owner: Owner | None = None) -> dict[str, Any]:
    """The pod that executes what is in FOLDER."""
    return execution.pod(planned or grading(), frame, site().autograding, FOLDER, PROBES, owner)


def variables(container: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container["env"]}


def container(name: str, *arguments: str, env: dict[str, str], mounts: list[dict[str, Any]], **more: Any) -> Any:
    nobody = {"HOME": "/srv/coursehub/scratch", "LOGNAME": "nobody", "USER": "nobody"}
    return {
        "name": name,
        "image": "registry.example/r:1",
        "command": [f"coursehub-{name}", *arguments],
        "workingDir": "/",
        "env": [{"name": key, "value": value} for key, value in sorted({**nobody, **env}.items())],
        "resources": {
            "limits": {"cpu": 2.0, "memory": 4 * G, "ephemeral-storage": 3 * G},
            "requests": {"cpu": 0.5, "memory": G, "ephemeral-storage": 0},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsGroup": 65533,
            "runAsNonRoot": True,
            "runAsUser": 65533,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": mounts,
        **more,
    }


WRITTEN: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "coursehub-run-e860d478371c6c87d3dcc8fabb9d6460",
        "namespace": "courses",
        "labels": {"coursehub/role": "execution", "coursehub/course": "c", "coursehub/run": FOLDER},
        "annotations": {"coursehub/asked-by": "anna"},
        "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "jupyter-anna", "uid": "uid-1"}],
    },
    "spec": {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": 1800,
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": ["127.0.0.1"]},
        "securityContext": {
            "runAsGroup": 65533,
            "runAsNonRoot": True,
            "runAsUser": 65533,
            "seccompProfile": {"type": "RuntimeDefault"},
            "supplementalGroups": [],
            "supplementalGroupsPolicy": "Strict",
        },
        "nodeSelector": {},
        "tolerations": AWAY,
        "imagePullSecrets": [],
        "volumes": [
            {"name": "input", "emptyDir": {"sizeLimit": 3 * G}},
            {"name": "scratch", "emptyDir": {"sizeLimit": 3 * G}},
            {"name": "tmp", "emptyDir": {"sizeLimit": 3 * G}},
            {"name": "share", "persistentVolumeClaim": {"claimName": "coursehub-storage"}},
        ],
        "initContainers": [
            container(
                "fetch",
                FOLDER,
                "268435456",
                env={},
                mounts=[
                    {"mountPath": "/srv/coursehub/runs", "name": "share", "subPath": "course/c/runs", "readOnly": True},
                    {"mountPath": "/srv/coursehub/input", "name": "input"},
                ],
            ),
            container(
                "execute",
                env={
                    "COURSEHUB_COURSE": "c",
                    "COURSEHUB_NBGRADER": NBGRADER,
                    "COURSEHUB_PROBES": "192.0.2.1:80,[2001:db8::1]:80",
                    "COURSEHUB_SECONDS": "1800",
                    "COURSE_TERM": "a $$(id) $$HOME",
                    "LANG": "C.UTF-8",
                    "TZ": "Europe/Helsinki",
                },
                mounts=[
                    {"mountPath": "/srv/coursehub/input", "name": "input", "readOnly": True},
                    {"mountPath": "/srv/coursehub/scratch", "name": "scratch"},
                    {"mountPath": "/tmp", "name": "tmp"},  # noqa: S108 - what the pod has there
                    {"mountPath": "/coursedata", "name": "share", "subPath": "course/c/data", "readOnly": True},
                ],
                workingDir="/srv/coursehub/scratch",
            ),
        ],
        "containers": [
            container(
                "deliver",
                FOLDER,
                "67108864",
                env={},
                mounts=[
                    {"mountPath": "/srv/coursehub/runs", "name": "share", "subPath": "course/c/runs"},
                    {"mountPath": "/srv/coursehub/scratch", "name": "scratch", "readOnly": True},
                ],
            )
        ],
    },
}


def test_f17_the_pod_is_exactly_this() -> None:
    assert pod(owner=Owner("jupyter-anna", "uid-1")) == WRITTEN


def test_it_runs_where_the_courses_servers_of_that_role_do() -> None:
    near: dict[str, Any] = {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": []}]}
    }
    frame = replace(
        FRAME,
        node_selector={"zone": "a"},
        priority_class="servers",
        pull_policy="Always",
        pull_secrets=({"name": "registry"},),
        scheduler="own",
        node_affinity=near,
    )
    keys = EVERYTHING.partition("rich:\n")[2].replace("    name: Rich\n", "")
    made = pod(grading(keys), frame)["spec"]
    assert (made["nodeSelector"], made["tolerations"]) == ({"zone": "a", "kind": "gpu"}, [GPU, *AWAY])
    assert (made["priorityClassName"], made["schedulerName"]) == ("servers", "own")
    assert (made["affinity"], made["imagePullSecrets"]) == ({"nodeAffinity": near}, [{"name": "registry"}])
    for each in (*made["initContainers"], *made["containers"]):
        assert each["imagePullPolicy"] == "Always"
        assert each["image"] == "registry.example/history:2", "the image of the instructors' values"
        assert each["resources"]["limits"]["nvidia.com/gpu"] == "1"


@pytest.mark.parametrize("data", ["none", "read-only", "read-write"])
def test_f17_of_the_volume_the_untrusted_step_has_course_data_alone_and_cannot_write_it(data: str) -> None:
    (_, execute), (deliver,) = (pod(grading(f"gid: 70101\ndata: {data}"))["spec"][key] for key in KINDS)
    shared = [mount for mount in execute["volumeMounts"] if mount["name"] == SHARE]
    assert [(mount["subPath"], mount["readOnly"]) for mount in shared] == [("course/c/data", True)][: data != "none"]
    written = [mount["name"] for mount in deliver["volumeMounts"] if not mount.get("readOnly")]
    assert written == [SHARE], "what runs later on cannot change what was executed"


KINDS = ("initContainers", "containers")


def test_what_a_sites_module_mounts_and_sets_comes_along() -> None:
    planned = grading()
    data = Mount("/srv/datasets", SHARE, "datasets/public", read_only=True)
    adjusted = replace(planned, mounts=(*planned.mounts, data), environment={**planned.environment, "MIRROR": "x"})
    execute = pod(adjusted)["spec"]["initContainers"][1]
    assert {"mountPath": data.path, "name": SHARE, "subPath": data.sub_path, "readOnly": True} in execute[
        "volumeMounts"
    ]
    assert variables(execute)["MIRROR"] == "x"


def test_f17_nothing_in_it_leads_to_a_gradebook_that_is_a_database() -> None:
    planned = plan.make(
        ANNA, Profile(Role.GRADING, "c"), course("gid: 70101\nnbgrader: {gradebook: postgresql}"), site(), TODAY
    )
    assert planned.secrets
    made = str(pod(planned)).lower()
    assert not [word for word in ("gradebook", "secretkeyref", "valuefrom") if word in made], made


def test_f17_nothing_in_it_says_who_grades_or_which_run_it_is() -> None:
    """The name is the host's, and variables and mounts are what code sees; labels and annotations it does not."""
    execute = pod()["spec"]["initContainers"][1]
    assert all(text not in str((execute, pod()["metadata"]["name"])) for text in ("anna", FOLDER, "70101", "30001"))


def test_autograding_of_another_site_has_another_uid_and_time() -> None:
    settings = site(SITE + "autograding: {uid: 65000, seconds: 60}\n").autograding
    made = execution.pod(grading(), FRAME, settings, FOLDER, PROBES)["spec"]
    assert made["activeDeadlineSeconds"] == 60
    contexts = [made["securityContext"], *(each["securityContext"] for key in KINDS for each in made[key])]
    assert {(each["runAsUser"], each["runAsGroup"]) for each in contexts} == {(65000, 65000)}


@pytest.mark.parametrize(
    "folder",
    ["", "..", ".", "a/b", "/etc", "A" * 32, "a" * 31, "a" * 33, "a" * 32 + "\n", "０" * 32, "a" * 31 + "g"],
)
def test_f17_what_is_no_run_is_no_folder(folder: str) -> None:
    assert not execution.is_folder(folder)
    assert execution.is_folder(FOLDER)


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16), st.sampled_from(["a", "a-b", "b"]))
def test_no_two_runs_share_a_pod(one: bytes, other: bytes, slug: str) -> None:
    names = {execution.name(slug, each.hex()) for each in (one, other)} | {execution.name("c", one.hex())}
    assert len(names) == len({one, other}) + 1
    assert all(len(name) <= 63 for name in names)


def test_the_images_programs_have_the_same_folders_and_bounds() -> None:
    theirs = {name: CARRY[name] for name in ("FOLDER", "MOST_INPUT", "MOST_RESULT")}
    assert theirs == {name: getattr(execution, name) for name in theirs}
    paths = {"RUNS": plan.RUNS_PATH, "INPUT": execution.INPUT_PATH, "SCRATCH": execution.SCRATCH_PATH}
    assert {name: str(CARRY[name]) for name in paths} == paths
