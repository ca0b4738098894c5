"""One submission executed: the pod that does it, and what the programs in its image keep to.

The pod is nobody's: a uid and gid of no person (`autograding.uid`), no group, token, home, route or network. Its three
steps are containers that run one after the other, so that of a step no process is left when the next begins; of the
volume the untrusted one has course data alone. docs/admins/autograding.md tells an admin the same.

**A run's folder** is `/srv/coursehub/runs/FOLDER` in servers of the roles instructor and grading, `course/SLUG/runs` on
the volume. FOLDER is `secrets.token_hex(16)`: 32 digits and letters a to f. The trusted step before makes it as its
instructor, with umask 0:

    FOLDER                  2711  others pass through
    FOLDER/in               2755  others read; all below it 0755 and 0644
    FOLDER/in/notebook.ipynb      what is executed: locked cells restored, stripped as nbgrader does
    FOLDER/in/files/              what lies beside it, if anything: plain files and folders
    FOLDER/out              2773  others write, and cannot list; not sticky, so that colleagues can clear it
    FOLDER/out/result.ipynb 0644  what came back, the pod's uid's and the course's group's; whole or not there

**The programs**, on PATH of the image, are each the first process of their container, with a root that cannot be
written and with a uid that has no name. HOME is `/srv/coursehub/scratch`; exit codes are those of sysexits.h, and 0
once all is done. What they print is read by nobody.

`coursehub-fetch FOLDER BYTES`, trusted: copies `runs/FOLDER/in` (the volume is read-only here) to
`/srv/coursehub/input`, opening each entry below the folder that it has open and following no link: plain files and
folders alone, at most BYTES of all together, 10,000 entries, 60 folders deep. 66: there is no notebook, or it may
not be read; 65: more, or other kinds.

`coursehub-execute`, trusted, and runs what is not: has `/srv/coursehub/input` to read, `/srv/coursehub/scratch` and
`/tmp` to write, and what the course's kernels have: `/coursedata`, the site's own mounts, the variables of course and
site, COURSEHUB_COURSE and COURSEHUB_NBGRADER as in servers. It connects to each of COURSEHUB_PROBES (`ip:port`, commas
between), and starts no kernel before each was closed five times in a row: refused, or silent for a second. 77: that is
not so after 30 seconds, or none is named. Then it executes the notebook in a copy of `input/files` below its scratch,
with nbgrader's time-outs and within COURSEHUB_SECONDS since the pod's start, and leaves
`/srv/coursehub/scratch/result.ipynb`, also where cells fail; of cells for which no time is left with an
error. 65: it is no notebook; 69: its kernel does not start; 70: it ended before the notebook did; 76: a cell cannot
be interrupted; 73: what ran is in the result's way.

`coursehub-deliver FOLDER BYTES`, trusted: opens `scratch/result.ipynb` (read-only here) through no link and without
waiting for a writer, and copies it, if it is a plain file of at most BYTES, into `runs/FOLDER/out`: under another name,
then renamed. It does not parse it. 66: there is none; 65: it is larger or something else; 73: it cannot be written.

Fetch and deliver have the same uid: another would be one more to reserve, and when they run nothing of the untrusted
step does. The volume's folder is mounted whole for them, not the run's own: of a link that an instructor puts in a
folder's place kubelet would mount the target, anywhere on the volume, and here it leads nowhere.

What comes back is data of whoever wrote the submission. **Code can fake its own cells' success**: nothing in the pod
keeps it from writing any outputs into the result. The trusted step after takes of it the outputs alone, cell by cell.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from coursehub import layout
from coursehub.config.settings import RESERVED, Autograding

from . import manifest
from .manifest import Frame
from .plan import RUNS_PATH, SHARE, Mount, PodPlan

FOLDER = re.compile(r"[0-9a-f]{32}")
# Which pods these are, on them and in chart/templates/singleuser/networkpolicy-execution.yaml.
ROLE, EXECUTION = "coursehub/role", "execution"
SELECTOR = f"{ROLE}={EXECUTION}"
INPUT, SCRATCH, TMP = "input", "scratch", "tmp"
INPUT_PATH, SCRATCH_PATH = "/srv/coursehub/input", "/srv/coursehub/scratch"
# Bytes of what a submission brings, and of its notebook once it has run.
MOST_INPUT, MOST_RESULT = 256 * 2**20, 64 * 2**20
# Of the plan's variables these go along, beside those of course and site.
_KEPT = frozenset({"LANG", "TZ", "COURSEHUB_COURSE", "COURSEHUB_NBGRADER"})
_OF_THE_PERSON = frozenset({"LOGNAME"})


class Step(StrEnum):
    """The containers, in their order."""

    FETCH = "fetch"
    EXECUTE = "execute"
    DELIVER = "deliver"


@dataclass(frozen=True)
class Owner:
    """The pod of the server that asked, with which the execution goes."""

    name: str
    uid: str


def is_folder(text: str) -> bool:
    """Whether `text` names a run's folder: one component of a path, which nobody guesses."""
    return FOLDER.fullmatch(text) is not None


def name(slug: str, folder: str) -> str:
    """The pod's name, which is also the name of its host: it tells the code in it neither of the two."""
    return f"coursehub-run-{sha256(f'{slug}/{folder}'.encode()).hexdigest()[:32]}"


def pod(
    grading: PodPlan,
    frame: Frame,
    settings: Autograding,
    folder: str,
    probes: Sequence[str],
    owner: Owner | None = None,
) -> dict[str, Any]:
    """The pod, as Kubernetes writes it, that executes what is in `folder` as the course's `grading` role would.

    `probes` are addresses that it must not reach. It goes with its `owner`, where there is one.
    """
    slug = str(grading.profile.course)
    nobody = _nobody(grading, settings, probes)
    fetch = (Mount(RUNS_PATH, SHARE, layout.course_runs(slug), read_only=True), Mount(INPUT_PATH, INPUT))
    deliver = (Mount(RUNS_PATH, SHARE, layout.course_runs(slug)), Mount(SCRATCH_PATH, SCRATCH, read_only=True))
    whole = replace(nobody, mounts=(*nobody.mounts, *fetch, *deliver))
    owned = {"apiVersion": "v1", "kind": "Pod", "name": owner.name, "uid": owner.uid} if owner else None
    affinity = {"affinity": {"nodeAffinity": dict(frame.node_affinity)}} if frame.node_affinity else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name(slug, folder),
            "namespace": frame.namespace,
            "labels": {ROLE: EXECUTION, "coursehub/course": slug, "coursehub/run": folder},
            "annotations": {"coursehub/asked-by": grading.person.name},
            **({"ownerReferences": [owned]} if owned else {}),
        },
        "spec": {
            "restartPolicy": manifest.RESTART_POLICY,
            "activeDeadlineSeconds": settings.seconds,
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            # No name is asked for anywhere, and each fails at once.
            "dnsPolicy": "None",
            "dnsConfig": {"nameservers": ["127.0.0.1"]},
            "securityContext": manifest.pod_security(nobody),
            "nodeSelector": manifest.node_selector(nobody, frame),
            "tolerations": manifest.tolerations(nobody, frame),
            **affinity,
            **({"priorityClassName": frame.priority_class} if frame.priority_class else {}),
            **({"schedulerName": frame.scheduler} if frame.scheduler else {}),
            "imagePullSecrets": [dict(secret) for secret in frame.pull_secrets],
            "volumes": list(manifest.volumes(whole, frame).values()),
            "initContainers": [
                _container(Step.FETCH, replace(nobody, mounts=fetch, environment={}), frame, folder, str(MOST_INPUT)),
                _container(Step.EXECUTE, nobody, frame),
            ],
            "containers": [
                _container(
                    Step.DELIVER, replace(nobody, mounts=deliver, environment={}), frame, folder, str(MOST_RESULT)
                )
            ],
        },
    }


def _nobody(grading: PodPlan, settings: Autograding, probes: Sequence[str]) -> PodPlan:
    """The plan of the untrusted step: what the grading role's kernels have, without the person and the course's own."""
    environment = {
        name: value
        for name, value in grading.environment.items()
        if name in _KEPT or not (RESERVED.match(name) or name in _OF_THE_PERSON)
    }
    return replace(
        grading,
        uid=settings.uid,
        gid=settings.uid,
        groups=(),
        mounts=(
            Mount(INPUT_PATH, INPUT, read_only=True),
            Mount(SCRATCH_PATH, SCRATCH),
            Mount("/tmp", TMP),  # noqa: S108 - a volume of its own
            *_readable(grading),
        ),
        environment=MappingProxyType(
            {
                **environment,
                "COURSEHUB_PROBES": ",".join(probes),
                "COURSEHUB_SECONDS": str(settings.seconds),
            }
        ),
        secrets=MappingProxyType({}),
    )


def _readable(grading: PodPlan) -> Iterator[Mount]:
    """Course data, and what a site's own module mounts; never a home, the course's files or its exchange."""
    data = layout.course_data(str(grading.profile.course))
    for mount in grading.mounts:
        private = mount.sub_path.partition("/")[0] in ("home", "course", "exchange")
        if mount.volume == SHARE and (mount.sub_path == data or not private):
            yield replace(mount, read_only=True)


def _container(step: Step, part: PodPlan, frame: Frame, *arguments: str) -> dict[str, Any]:
    own = {"HOME": SCRATCH_PATH, "USER": "nobody", "LOGNAME": "nobody"}
    values = {name: value.replace("$", "$$") for name, value in {**part.environment, **own}.items()}
    return {
        "name": str(step),
        "image": part.image,
        **({"imagePullPolicy": frame.pull_policy} if frame.pull_policy else {}),
        "command": [f"coursehub-{step}", *arguments],
        "workingDir": SCRATCH_PATH if step is Step.EXECUTE else "/",
        "env": [{"name": key, "value": value} for key, value in sorted(values.items())],
        "resources": {
            "limits": {**manifest.amounts(part.limits), **manifest.limits(part)},
            "requests": {**manifest.amounts(part.guarantees), **manifest.requests(part)},
        },
        "securityContext": {**manifest.container_security(part), "readOnlyRootFilesystem": True},
        "volumeMounts": list(manifest.mounts(part).values()),
    }
