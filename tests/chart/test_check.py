"""The check in the cluster: off by default; on, a Job that looks through the volume with the site's own values."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from coursehub.cli import main

from tests.chart.helm import SITE, Chart, Object, Objects, Values, at, merged, pod_spec
from tests.chart.kinds import OURS, UPSTREAM
from tests.chart.provisioned import ADDED as PROVISIONER
from tests.chart.provisioned import LOOKER
from tests.chart.provisioned import ON as PROVISIONED
from tests.support import COURSES
from tests.support import SITE as OWN

NAME = "teaching-storage/coursehub-check"
VIEW = "teaching-storage/coursehub-provisioner"
ON: Values = at("storage.check.schedule", "30 4 * * *")
ADDED = [
    ("CronJob", NAME),
    ("NetworkPolicy", NAME),
    ("ServiceAccount", NAME),
]
SHARED = [
    ("Namespace", "teaching-storage"),
    ("NetworkPolicy", VIEW),
    ("PersistentVolume", "teaching-coursehub-provisioner"),
    ("PersistentVolumeClaim", VIEW),
]


@pytest.fixture(scope="module")
def checked(chart: Chart) -> Objects:
    """The objects of the least site with the check on, and the provisioner off."""
    return chart.render(ON)


def pod(objects: Objects) -> Object:
    spec: Object = objects["CronJob", NAME]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return spec


def container(objects: Objects) -> Object:
    (found,) = pod(objects)["containers"]
    return dict(found)


def test_on_it_adds_exactly_these_objects(checked: Objects) -> None:
    assert sorted(checked) == sorted(OURS + UPSTREAM + ADDED + SHARED)


def test_beside_the_provisioner_both_share_what_is_there_for_both(chart: Chart) -> None:
    objects = chart.render(merged(ON, PROVISIONED))
    assert sorted(objects) == sorted({*OURS, *UPSTREAM, *PROVISIONER, *ADDED} - {*LOOKER})


@pytest.mark.parametrize("name", ADDED + SHARED, ids=" ".join)
def test_each_of_them_carries_our_labels(checked: Objects, name: tuple[str, str]) -> None:
    labels = checked[name]["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "coursehub"
    assert labels["app.kubernetes.io/instance"] == "coursehub"


def test_its_pod_is_allowed_what_the_provisioners_is_and_no_more(chart: Chart) -> None:
    hub = {"image": {"pullPolicy": "Never", "pullSecrets": ["one"]}, "nodeSelector": {"kind": "core"}}
    objects = chart.render(merged(merged(ON, PROVISIONED), at("jupyterhub.hub", hub)))
    ours, theirs = pod(objects), pod_spec(objects, VIEW)
    for key in (
        "securityContext",
        "automountServiceAccountToken",
        "enableServiceLinks",
        "imagePullSecrets",
        "nodeSelector",
    ):
        assert ours[key] == theirs[key]
    for key in ("securityContext", "image", "imagePullPolicy", "env"):
        assert container(objects)[key] == theirs["containers"][0][key]
    assert container(objects)["securityContext"]["capabilities"]["add"] == ["CHOWN", "DAC_OVERRIDE", "FOWNER"]
    assert container(objects)["securityContext"]["readOnlyRootFilesystem"] is True
    assert ours["automountServiceAccountToken"] is False
    assert not any("secret" in volume for volume in ours["volumes"])


def test_what_is_found_fails_the_job_once_and_stays_to_be_read(checked: Objects) -> None:
    spec = checked["CronJob", NAME]["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("30 4 * * *", "UTC")
    assert spec["concurrencyPolicy"] == "Forbid"
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (1, 3)
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert pod(checked)["restartPolicy"] == "Never"


def test_the_nights_are_the_sites(chart: Chart) -> None:
    objects = chart.render(merged(ON, {"timezone": "Asia/Tokyo"}))
    assert objects["CronJob", NAME]["spec"]["timeZone"] == "Asia/Tokyo"


def test_it_repairs_only_where_the_site_says_so(chart: Chart, checked: Objects) -> None:
    assert "--repair" not in container(checked)["args"]
    assert "--repair" in container(chart.render(merged(ON, at("storage.check.repair", True))))["args"]


def test_the_hubs_own_values_and_course_files_are_what_it_checks_against_and_stand_in_the_release_once(
    chart: Chart, tmp_path: Path
) -> None:
    (tmp_path / "courses.yaml").write_text(COURSES)
    values = merged(merged(ON, PROVISIONED), at("courses.existingConfigMaps", ["algebra"]))
    objects = chart.render(values, courses={"main": tmp_path / "courses.yaml"})
    assert str(objects).count(repr(COURSES)) == 1
    (before,) = pod(objects)["initContainers"]
    assert before["args"] == ["--namespace=teaching", "/etc/coursehub"]
    folder = "/etc/coursehub/now/courses"
    assert container(objects)["args"][-2:] == [f"{folder}/coursehub-courses", f"{folder}/algebra"]
    assert {"name": "files", "mountPath": "/etc/coursehub", "readOnly": True} in container(objects)["volumeMounts"]


def test_the_charts_own_config_map_is_left_out_where_it_is_empty_beside_others(chart: Chart) -> None:
    objects = chart.render(merged(ON, at("courses.existingConfigMaps", ["2026", "null"])))
    folder = "/etc/coursehub/now/courses"
    assert [word for word in container(objects)["args"] if word.startswith("/")] == [f"{folder}/2026", f"{folder}/null"]


def test_what_acts_as_root_has_no_token_and_what_has_one_is_nobody(checked: Objects) -> None:
    (before,) = pod(checked)["initContainers"]
    assert (before["securityContext"]["runAsUser"], before["securityContext"]["runAsNonRoot"]) == (65534, True)
    assert before["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert before["securityContext"]["readOnlyRootFilesystem"] is True
    token = "/var/run/secrets/kubernetes.io/serviceaccount"
    assert {mount["mountPath"] for mount in before["volumeMounts"]} == {"/etc/coursehub", token}
    assert token not in {mount["mountPath"] for mount in container(checked)["volumeMounts"]}
    assert not checked["ServiceAccount", NAME]["automountServiceAccountToken"]
    assert not pod(checked)["automountServiceAccountToken"]


def test_it_may_read_the_hubs_config_maps_and_nothing_else(checked: Objects, objects: Objects) -> None:
    binding = checked["RoleBinding", "coursehub-configmaps"]
    account = {"kind": "ServiceAccount", "name": "coursehub-check", "namespace": "teaching-storage"}
    assert account in binding["subjects"]
    assert account not in objects["RoleBinding", "coursehub-configmaps"]["subjects"]
    roles = {name for kind, name in checked if kind in ("Role", "ClusterRole")}
    assert roles == {"hub", "coursehub-configmaps", "coursehub-hub-reads"}
    for name in ("hub", "coursehub-hub-reads"):
        assert account not in checked["RoleBinding", name]["subjects"]


def test_it_reaches_the_api_servers_ports_and_the_provisioner_reaches_nothing(chart: Chart) -> None:
    objects = chart.render(merged(ON, PROVISIONED))
    policy = objects["NetworkPolicy", NAME]["spec"]
    assert policy["policyTypes"] == ["Egress"]
    (rule,) = policy["egress"]
    assert [(port["port"], port["protocol"]) for port in rule["ports"]] == [(443, "TCP"), (6443, "TCP")]
    wanted = policy["podSelector"]["matchLabels"].items()
    template = objects["CronJob", NAME]["spec"]["jobTemplate"]["spec"]["template"]
    assert wanted <= template["metadata"]["labels"].items()
    assert not wanted <= objects["Deployment", VIEW]["spec"]["template"]["metadata"]["labels"].items()
    assert objects["NetworkPolicy", VIEW]["spec"]["egress"] == []


def as_the_pod(objects: Objects, folder: Path) -> subprocess.CompletedProcess[str]:
    """What the container says and ends with, where its volumes are in `folder`, with the files that come before it."""
    given, now = container(objects), folder / "etc/coursehub/now"
    for name in ("coursehub-site", "courses/coursehub-courses"):
        (now / name).mkdir(parents=True, exist_ok=True)
        for key, text in objects["ConfigMap", Path(name).name]["data"].items():
            (now / name / key).write_text(text)
    command: list[str] = [*given["command"], *given["args"]]
    words = [re.sub("(^|=)/", rf"\g<1>{folder}/", word) for word in command]
    environment = {"PATH": str(Path(sys.executable).parent)} | {each["name"]: each["value"] for each in given["env"]}
    return subprocess.run(words, env=environment, cwd="/", capture_output=True, text=True, check=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")
def test_its_command_finds_in_the_mounted_files_what_the_command_line_does(chart: Chart, tmp_path: Path) -> None:
    (tmp_path / "courses.yaml").write_text(COURSES)
    # Dates are keys that JSON does not know.
    own: dict[str, Any] = yaml.safe_load(OWN) | {"images": {"python": "registry.example/python:1", "r": "r:1"}}
    values = merged(merged(SITE, own), ON)
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(own))
    objects = chart.render(values, courses={"main": tmp_path / "courses.yaml"})
    share = tmp_path / "pod/share"
    share.mkdir(parents=True, mode=0o755)
    files = ["--root", str(share), "--site", str(tmp_path / "site.yaml"), str(tmp_path / "courses.yaml")]
    before = os.umask(0o022)
    try:
        assert main.main(["storage", "ensure", *files]) == 0
    finally:
        os.umask(before)
    done = as_the_pod(objects, tmp_path / "pod")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (share / "exchange/python-intro/inbound").chmod(0o2777)
    done = as_the_pod(objects, tmp_path / "pod")
    said = "exchange/python-intro/inbound: is 2777 0:70101, has to be 3773 0:70101\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, said, "")


def test_the_notes_say_where_its_findings_are(chart: Chart) -> None:
    assert "kubectl -n teaching-storage logs --prefix --selector app.kubernetes.io/component=check" in chart.notes(ON)
