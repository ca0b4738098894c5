"""A placeholder: the whole pod, which asks for what the server of a student asks for, and is nobody's."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from coursehub.errors import Refused
from coursehub.servers import placeholder

from tests.support import TODAY, course, site
from tests.unit.conftest import FRAME
from tests.unit.pods import AWAY, GPU, G

NOW = datetime(2026, 10, 1, 7, tzinfo=UTC)
UNTIL = NOW + timedelta(minutes=45, milliseconds=1)
KEYS = """\
gid: 70101
students: everyone
image: r
resources: {cpu: 2, memory: 4G, scratch: 3G, guarantee: {cpu: 0.5, memory: 1G}, node: gpu}
environment: {COURSE_TERM: spring}
"""


def pod(until: datetime = UNTIL) -> dict[str, Any]:
    frame = replace(FRAME, namespace="teaching", node_selector={"zone": "a"}, tolerations=())
    return placeholder.pod(placeholder.planned(course(KEYS), site(), TODAY), frame, NOW, until)


def test_it_is_a_students_server_without_person_volume_and_token() -> None:
    made = pod()
    assert made["metadata"] == {
        "generateName": "coursehub-class-",
        "namespace": "teaching",
        "labels": {"coursehub/role": "placeholder", "coursehub/course": "c"},
    }
    spec = made["spec"]
    (room,) = spec.pop("containers")
    assert spec.pop("imagePullSecrets") == [dict(each) for each in FRAME.pull_secrets]
    for more in ("affinity", "schedulerName"):
        spec.pop(more, None)
    assert spec == {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": 2701,
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "priorityClassName": "teaching-coursehub-classes",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65533,
            "runAsGroup": 65533,
            "supplementalGroups": [],
            "supplementalGroupsPolicy": "Strict",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "nodeSelector": {"zone": "a", "kind": "gpu"},
        "tolerations": [GPU, *AWAY],
    }
    assert room["image"] == "registry.example/r:1"
    assert room["resources"] == {
        "limits": {"cpu": 2.0, "memory": 4 * G, "nvidia.com/gpu": "1", "ephemeral-storage": 3 * G},
        "requests": {"cpu": 0.5, "memory": G, "nvidia.com/gpu": "1", "ephemeral-storage": 0},
    }
    assert room["securityContext"]["readOnlyRootFilesystem"] is True
    assert room["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert "env" not in room
    assert "volumeMounts" not in room


def test_its_program_ends_with_its_time_however_late_it_begins() -> None:
    assert pod()["spec"]["containers"][0]["command"][-1] == f"{UNTIL.timestamp():.0f}"


def test_one_whose_time_is_over_still_has_a_deadline() -> None:
    assert pod(NOW)["spec"]["activeDeadlineSeconds"] == 1


def test_a_reminder_is_put_on_a_node_and_asks_for_next_to_nothing() -> None:
    made, reminder = pod(), placeholder.reminder(pod(), "node-1")
    assert reminder["spec"].pop("nodeName") == "node-1"
    (room,) = reminder["spec"]["containers"]
    assert room.pop("resources") == {each: {"cpu": "1m", "memory": "1Mi"} for each in ("limits", "requests")}
    made["spec"]["containers"][0].pop("resources")
    assert reminder == made


def test_there_is_none_where_nobody_could_start_the_course() -> None:
    with pytest.raises(Refused):
        placeholder.planned(course(KEYS).model_copy(update={"image": "gone"}), site(), TODAY)
