"""The contract's table, each of its cells written out as the whole pod that Kubernetes gets."""

from dataclasses import dataclass, field
from typing import Any

import jupyterhub
import kubespawner
import pytest
from coursehub.person import Person

from tests.support import ANNA, COURSES, JONAS, MARIA, PETER, SOFIA

EVERYTHING = """\
courses:
  rich:
    name: Rich
    gid: 70104
    students: everyone
    image: history@2026-03-01
    resources: {cpu: 3, memory: 3G, scratch: 30G, guarantee: {memory: 1G, scratch: 5G}, node: gpu}
    umask: "0022"
    nbgrader: {timezone: Europe/Helsinki, execute_timeout: 240}
    groups: {student: [licensed], instructor: [staff, teaching]}
    environment: {COURSE_TERM: 'a $(id) $HOME $$ {x} {{ `id` "q"'}
    instructor:
      image: history
      resources: {cpu: 2}
      environment: {COURSE_TERM: spring, OMP_NUM_THREADS: "4"}
    instructors: [anna]
"""

AWAY = [
    {"key": f"node.kubernetes.io/{taint}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 120}
    for taint in ("not-ready", "unreachable")
]
GPU = {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}
NBGRADER = '{"ExecutePreprocessor": {"timeout": 240}, "NbGraderAPI": {"timezone": "Europe/Helsinki"}}'
G = 2**30
# What KubeSpawner says of itself.
MADE_BY = {
    "hub.jupyter.org/jupyterhub-version": jupyterhub.__version__,
    "hub.jupyter.org/kubespawner-version": kubespawner.__version__,
}


@dataclass(frozen=True)
class Cell:
    """One cell of the contract's table: what a person gets in a role."""

    person: Person
    profile: str
    role: str
    gid: int
    groups: str
    umask: str
    mounts: tuple[str, ...]
    image: str = "registry.example/python:1"
    cpu: float = 1.0
    memory: int = 2 * G
    course: str | None = None
    gids: list[int] = field(default_factory=lambda: [70001])
    volumes: tuple[str, ...] = ("run",)
    switched_on: str | None = None
    guarantee: int = G // 2
    scratch: int = 10 * G
    scratch_guarantee: int = 0
    node_selector: dict[str, str] = field(default_factory=dict)
    tolerations: list[dict[str, Any]] = field(default_factory=list)
    devices: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    courses: str = COURSES


CELLS = {
    "general use": Cell(
        person=MARIA,
        profile="general",
        role="general",
        gid=20001,
        groups="20001:maria,70001:teaching",
        umask="0077",
        mounts=("/home/maria share home/01/maria", "/run/coursehub run"),
    ),
    "student of a public course with read-only data": Cell(
        person=JONAS,
        profile="python-intro",
        course="python-intro",
        role="student",
        gid=20002,
        groups="20002:jonas,70001:teaching",
        umask="0077",
        mounts=(
            "/coursedata share course/python-intro/data read-only",
            "/home/jonas share home/02/jonas",
            "/run/coursehub run",
            "/srv/nbgrader/exchange/python-intro share exchange/python-intro",
        ),
        cpu=2.0,
        memory=4 * G,
    ),
    "student of a private course with read-write data": Cell(
        person=MARIA,
        profile="data-analysis",
        course="data-analysis",
        role="student",
        gid=20001,
        groups="20001:maria,70001:teaching",
        umask="0027",
        mounts=(
            "/coursedata share course/data-analysis/data",
            "/home/maria share home/01/maria",
            "/run/coursehub run",
            "/srv/nbgrader/exchange/data-analysis share exchange/data-analysis",
        ),
        image="registry.example/r:1",
    ),
    "student of an image-only course": Cell(
        person=MARIA,
        profile="statistics-lab",
        switched_on="general",
        course="statistics-lab",
        role="student",
        gid=20001,
        groups="20001:maria,70001:teaching",
        umask="0077",
        mounts=("/home/maria share home/01/maria", "/run/coursehub run"),
    ),
    "instructor who is listed": Cell(
        person=ANNA,
        profile="python-intro--instructor",
        course="python-intro",
        role="instructor",
        gid=70101,
        groups="70101:python-intro,30001:anna,70001:teaching",
        umask="0007",
        mounts=(
            "/course share course/python-intro/files",
            "/coursedata share course/python-intro/data",
            "/home/anna share home/01/anna",
            "/run/coursehub run",
            "/srv/coursehub/people share course/python-intro/people read-only",
            "/srv/coursehub/runs share course/python-intro/runs",
            "/srv/nbgrader/exchange/python-intro share exchange/python-intro",
        ),
        cpu=2.0,
        memory=4 * G,
        gids=[30001, 70001],
    ),
    "instructor by unix group": Cell(
        person=PETER,
        profile="data-analysis--instructor",
        course="data-analysis",
        role="instructor",
        gid=70102,
        groups="70102:data-analysis,30002:peter,70001:teaching",
        umask="0007",
        mounts=(
            "/course share course/data-analysis/files",
            "/coursedata share course/data-analysis/data",
            "/home/peter share home/02/peter",
            "/run/coursehub run",
            "/srv/coursehub/people share course/data-analysis/people read-only",
            "/srv/coursehub/runs share course/data-analysis/runs",
            "/srv/nbgrader/exchange/data-analysis share exchange/data-analysis",
        ),
        image="registry.example/r:1",
        gids=[30002, 70001],
    ),
    "admin": Cell(
        person=SOFIA,
        profile="data-analysis--instructor",
        course="data-analysis",
        role="instructor",
        gid=70102,
        groups="70102:data-analysis,30003:sofia,70001:teaching",
        umask="0007",
        mounts=(
            "/course share course/data-analysis/files",
            "/coursedata share course/data-analysis/data",
            "/home/sofia share home/03/sofia",
            "/run/coursehub run",
            "/srv/coursehub/people share course/data-analysis/people read-only",
            "/srv/coursehub/runs share course/data-analysis/runs",
            "/srv/nbgrader/exchange/data-analysis share exchange/data-analysis",
        ),
        image="registry.example/r:1",
        gids=[30003, 70001],
    ),
    "instructor of an archived course": Cell(
        person=ANNA,
        profile="old-course--instructor",
        switched_on="archived",
        course="old-course",
        role="instructor",
        gid=70103,
        groups="70103:old-course,30001:anna,70001:teaching",
        umask="0007",
        mounts=(
            "/course share course/old-course/files read-only",
            "/coursedata share course/old-course/data read-only",
            "/home/anna share home/01/anna",
            "/run/coursehub run",
            "/srv/coursehub/people share course/old-course/people read-only",
            "/srv/coursehub/runs share course/old-course/runs read-only",
            "/srv/nbgrader/exchange/old-course share exchange/old-course read-only",
        ),
        gids=[30001, 70001],
    ),
    "grading": Cell(
        person=ANNA,
        profile="python-intro--grading",
        course="python-intro",
        role="grading",
        gid=70101,
        groups="70101:python-intro,30001:anna,70001:teaching",
        umask="0007",
        mounts=(
            "/course share course/python-intro/files",
            "/coursedata share course/python-intro/data read-only",
            "/home/anna home",
            "/run/coursehub run",
            "/srv/coursehub/people share course/python-intro/people read-only",
            "/srv/coursehub/runs share course/python-intro/runs",
            "/srv/nbgrader/exchange/python-intro share exchange/python-intro",
        ),
        cpu=2.0,
        memory=4 * G,
        gids=[30001, 70001],
        volumes=("home", "run"),
    ),
    "grading of a course with read-write data": Cell(
        person=PETER,
        profile="data-analysis--grading",
        course="data-analysis",
        role="grading",
        gid=70102,
        groups="70102:data-analysis,30002:peter,70001:teaching",
        umask="0007",
        mounts=(
            "/course share course/data-analysis/files",
            "/coursedata share course/data-analysis/data read-only",
            "/home/peter home",
            "/run/coursehub run",
            "/srv/coursehub/people share course/data-analysis/people read-only",
            "/srv/coursehub/runs share course/data-analysis/runs",
            "/srv/nbgrader/exchange/data-analysis share exchange/data-analysis",
        ),
        image="registry.example/r:1",
        gids=[30002, 70001],
        volumes=("home", "run"),
    ),
    "instructor of an image-only course": Cell(
        person=ANNA,
        profile="statistics-lab--instructor",
        switched_on="general",
        course="statistics-lab",
        role="instructor",
        gid=30001,
        groups="30001:anna,70001:teaching",
        umask="0007",
        mounts=("/home/anna share home/01/anna", "/run/coursehub run"),
    ),
    "student of a course that uses every key": Cell(
        person=MARIA,
        profile="rich",
        course="rich",
        role="student",
        gid=20001,
        groups="20001:maria,70002:licensed,70001:teaching",
        gids=[70002, 70001],
        umask="0022",
        mounts=(
            "/home/maria share home/01/maria",
            "/run/coursehub run",
            "/srv/nbgrader/exchange/rich share exchange/rich",
        ),
        image="registry.example/history:1",
        cpu=3.0,
        memory=3 * G,
        guarantee=G,
        scratch=30 * G,
        scratch_guarantee=5 * G,
        node_selector={"kind": "gpu"},
        tolerations=[GPU],
        devices={"nvidia.com/gpu": "1"},
        # Y19, Y20: Kubernetes makes one $ of each two, and leaves all else as it is.
        environment={"COURSEHUB_NBGRADER": NBGRADER, "COURSE_TERM": 'a $$(id) $$HOME $$$$ {x} {{ `id` "q"'},
        courses=EVERYTHING,
    ),
    "instructor of a course that uses every key": Cell(
        person=ANNA,
        profile="rich--instructor",
        course="rich",
        role="instructor",
        gid=70104,
        groups="70104:rich,30001:anna,70003:staff,70001:teaching",
        gids=[30001, 70003, 70001],
        umask="0007",
        mounts=(
            "/course share course/rich/files",
            "/home/anna share home/01/anna",
            "/run/coursehub run",
            "/srv/coursehub/people share course/rich/people read-only",
            "/srv/coursehub/runs share course/rich/runs",
            "/srv/nbgrader/exchange/rich share exchange/rich",
        ),
        image="registry.example/history:2",
        cpu=2.0,
        memory=3 * G,
        guarantee=G,
        scratch=30 * G,
        scratch_guarantee=5 * G,
        node_selector={"kind": "gpu"},
        tolerations=[GPU],
        devices={"nvidia.com/gpu": "1"},
        environment={"COURSEHUB_NBGRADER": NBGRADER, "COURSE_TERM": "spring", "OMP_NUM_THREADS": "4"},
        courses=EVERYTHING,
    ),
}


def golden(cell: Cell) -> dict[str, Any]:
    """The whole pod of a cell as Kubernetes gets it, its environment by name and without JupyterHub's own."""
    name, home = cell.person.name, f"/home/{cell.person.name}"
    environment = {
        "COURSEHUB_GROUPS": cell.groups,
        "COURSEHUB_NOTICES_INTERVAL": "60",
        "COURSEHUB_ROLE": cell.role,
        "COURSEHUB_UMASK": cell.umask,
        "COURSEHUB_CULL_IDLE": "3600",
        "COURSEHUB_CULL_MAX_AGE": "604800",
        "CPU_GUARANTEE": "0.1",
        "CPU_LIMIT": str(cell.cpu),
        "HOME": home,
        "JUPYTERHUB_ACTIVITY_INTERVAL": "300",
        "JUPYTERHUB_DEFAULT_URL": f"/lab/tree{home}",
        "JUPYTERHUB_DISABLE_USER_CONFIG": "1",
        "JUPYTERHUB_ROOT_DIR": "/",
        "JUPYTER_CONFIG_PATH": f"/opt/coursehub/config/{cell.switched_on or cell.role}",
        "JUPYTER_IMAGE": cell.image,
        "JUPYTER_IMAGE_SPEC": cell.image,
        "JUPYTER_RUNTIME_DIR": "/run/coursehub/runtime",
        "LANG": "C.UTF-8",
        "LOGNAME": name,
        "MEM_GUARANTEE": str(cell.guarantee),
        "MEM_LIMIT": str(cell.memory),
        "SHELL": "/bin/bash",
        "TZ": "Europe/Helsinki",
        "USER": name,
        "XDG_CACHE_HOME": "/run/coursehub/cache",
        **cell.environment,
    }
    labels = {
        "app": "jupyterhub",
        "app.kubernetes.io/component": "singleuser-server",
        "app.kubernetes.io/managed-by": "kubespawner",
        "app.kubernetes.io/name": "jupyterhub",
        "component": "singleuser-server",
        "coursehub/role": cell.role,
        "heritage": "jupyterhub",
        "hub.jupyter.org/network-access-hub": "true",
        "hub.jupyter.org/servername": "",
        "hub.jupyter.org/username": name,
    }
    if cell.course:
        environment["COURSEHUB_COURSE"] = cell.course
        labels["coursehub/course"] = cell.course
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "annotations": {**MADE_BY, "hub.jupyter.org/username": name},
            "labels": labels,
            "name": f"jupyter-{name}",
        },
        "spec": {
            "automountServiceAccountToken": False,
            "containers": [
                {
                    "args": ["coursehub-start", "python3", "-s", "-P", "-m", "jupyterhub.singleuser"],
                    "env": environment,
                    "image": cell.image,
                    "lifecycle": {},
                    "name": "notebook",
                    "ports": [{"containerPort": 8888, "name": "notebook-port"}],
                    "resources": {
                        "limits": {
                            "cpu": cell.cpu,
                            "memory": cell.memory,
                            "ephemeral-storage": cell.scratch,
                            **cell.devices,
                        },
                        "requests": {
                            "cpu": 0.1,
                            "memory": cell.guarantee,
                            "ephemeral-storage": cell.scratch_guarantee,
                            **cell.devices,
                        },
                    },
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                        "runAsGroup": cell.gid,
                        "runAsNonRoot": True,
                        "runAsUser": cell.person.uid,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                    "volumeMounts": [mount(line) for line in cell.mounts],
                    "workingDir": home,
                }
            ],
            "imagePullSecrets": [],
            "restartPolicy": "Never",
            "securityContext": {
                "runAsGroup": cell.gid,
                "runAsNonRoot": True,
                "runAsUser": cell.person.uid,
                "seccompProfile": {"type": "RuntimeDefault"},
                "supplementalGroups": cell.gids,
                "supplementalGroupsPolicy": "Strict",
            },
            "tolerations": [*cell.tolerations, *AWAY],
            "volumes": [
                *({"emptyDir": {"sizeLimit": cell.scratch}, "name": name} for name in cell.volumes),
                {"name": "share", "persistentVolumeClaim": {"claimName": "coursehub-storage"}},
            ],
        },
    }
    if cell.node_selector:
        pod["spec"]["nodeSelector"] = cell.node_selector
    return pod


def mount(line: str) -> dict[str, Any]:
    """`path volume sub-path read-only`, the last two where they are."""
    path, volume, *rest = line.split()
    written: dict[str, Any] = {"mountPath": path, "name": volume}
    if rest:
        written["subPath"] = rest[0]
    if "read-only" in rest:
        written["readOnly"] = True
    return written


each_cell = pytest.mark.parametrize("cell", [pytest.param(cell, id=name) for name, cell in CELLS.items()])
