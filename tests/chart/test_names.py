"""Upstream's names are the site's: what is called by them here, and what a chart around this one can set."""

import base64
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.given import EVERYTHING
from tests.chart.helm import SITE, Chart, Objects, Values, at, merged, pod_spec, site_values
from tests.chart.policies import Pod, pod, reaches, server

STORAGE = "teaching-storage/coursehub-"
# By what upstream's names are then: values, the prefix of all names, and the label app.
NAMED = {
    "fullnameOverride": ({"fullnameOverride": "teaching"}, "teaching-", "jupyterhub"),
    "fullnameOverride as ours": ({"fullnameOverride": "coursehub"}, "coursehub-", "jupyterhub"),
    "nameOverride": ({"nameOverride": "lab"}, "", "lab"),
    "nameOverride of digits": ({"nameOverride": "2026"}, "", "2026"),
    "the release's name": ({"fullnameOverride": None}, "coursehub-jupyterhub-", "jupyterhub"),
    "both": ({"fullnameOverride": None, "nameOverride": "lab"}, "coursehub-lab-", "lab"),
    "the release's name alone": ({"fullnameOverride": None, "nameOverride": "hub"}, "coursehub-", "hub"),
}


def named(names: Values) -> dict[str, Any]:
    return merged(EVERYTHING, {"jupyterhub": names})


def all_pods(objects: Objects) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name and the template of each pod, what helm runs as a test included."""
    for (kind, name), each in objects.items():
        if kind in ("Deployment", "DaemonSet", "Job"):
            yield name, each["spec"]["template"]
        elif kind == "CronJob":
            yield name, each["spec"]["jobTemplate"]["spec"]["template"]
        elif kind == "Pod":
            yield name, each


def ours(objects: Objects) -> dict[str, dict[str, Any]]:
    return {name: each["spec"] for name, each in all_pods(objects) if "coursehub-" in name.rpartition("/")[2][:10]}


@pytest.mark.parametrize(("names", "prefix", "app"), NAMED.values(), ids=NAMED)
class TestWhatIsCalledByItsName:
    """Each of these was once written as `hub` or `proxy-public`."""

    def test_every_object_that_a_pod_or_a_binding_names_is_there(
        self, chart: Chart, names: Values, prefix: str, app: str
    ) -> None:
        objects = chart.render(named(names))
        assert ("Deployment", f"{prefix}hub") in objects
        # What the site or the hub makes, and what may be missing.
        elsewhere = {"kube-root-ca.crt", "coursehub-ldap"}
        for name, each in all_pods(objects):
            space = name.rpartition("/")[0]
            for kind, wanted in _named(each["spec"]):
                there = f"{space}/{wanted}".lstrip("/")
                assert (kind, there) in objects or wanted in elsewhere, f"{name} names {kind} {wanted}"
        for (kind, name), each in objects.items():
            if kind == "RoleBinding":
                assert ("Role", each["roleRef"]["name"]) in objects, name
                for subject in each["subjects"]:
                    space = "" if subject["namespace"] == "teaching" else f"{subject['namespace']}/"
                    assert ("ServiceAccount", space + subject["name"]) in objects, name

    def test_every_address_within_the_cluster_is_a_service_of_the_release(
        self, chart: Chart, names: Values, prefix: str, app: str
    ) -> None:
        objects = chart.render(named(names))
        services = {
            (name.rpartition("/")[2], port["port"])
            for (kind, name), each in objects.items()
            if kind == "Service"
            for port in each["spec"]["ports"]
        }
        asked = set()
        for name, spec in ours(objects).items():
            for word in spec["containers"][0].get("args", []):
                for host, port in re.findall(
                    r"(?:http://|=)([a-z0-9-]*(?:hub|proxy-\w+)[a-z0-9-]*)(?::(\d+))?(?=/|$)", word
                ):
                    assert (host, int(port or 80)) in services, f"{name}: {word}"
                    asked.add(host.removeprefix(prefix))
        assert asked == {"hub", "proxy-api", "proxy-public"}

    def test_the_token_of_a_service_is_that_which_the_hub_knows(
        self, chart: Chart, names: Values, prefix: str, app: str
    ) -> None:
        objects = chart.render(named(names))
        known = objects["Secret", f"{prefix}hub"]["data"]
        (endpoint,) = objects["ServiceMonitor", "coursehub-hub"]["spec"]["endpoints"]
        given = endpoint["authorization"]["credentials"]
        assert given["name"] == f"{prefix}hub"
        keys = {given["key"]}
        for name in ("coursehub-culler", "coursehub-spawn-test"):
            spec = next(spec for each, spec in ours(objects).items() if each == name)
            (source,) = next(each["projected"]["sources"] for each in spec["volumes"] if "projected" in each)
            assert source["secret"]["name"] == f"{prefix}hub"
            keys |= {item["key"] for item in source["secret"]["items"]}
        assert keys == {key for key in known if key.startswith("hub.services.coursehub-")}

    def test_each_part_reaches_what_it_reached_under_upstreams_own_names(
        self, chart: Chart, names: Values, prefix: str, app: str
    ) -> None:
        usual = reached(chart.render(EVERYTHING), "", "jupyterhub")
        assert reached(chart.render(named(names)), prefix, app) == usual
        assert ("culler", "hub") in usual
        assert ("grading", "proxy's API") not in usual

    def test_the_network_tests_pods_are_held_as_servers_are(
        self, chart: Chart, names: Values, prefix: str, app: str
    ) -> None:
        labels = chart.render(named(names))["Pod", "coursehub-network-test-student"]["metadata"]["labels"]
        assert (labels["app"], labels["component"], labels["release"]) == (app, "singleuser-server", "coursehub")

    def test_what_helm_prints_can_be_copied(self, chart: Chart, names: Values, prefix: str, app: str) -> None:
        notes = chart.notes(named(names))
        assert f"logs deploy/{prefix}hub |" in notes
        assert f"get service {prefix}proxy-public" in notes

    def test_the_hub_sees_the_certificate_at_its_proxy(
        self, chart: Chart, names: Values, prefix: str, app: str
    ) -> None:
        https = {"enabled": True, "type": "secret", "secret": {"name": "tls"}}
        values = merged({"jupyterhub": {**names, "proxy": {"https": https}}}, {})
        assert site_values(chart.render(values))["certificate"]["host"] == f"{prefix}proxy-public"


def _named(spec: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for volume in spec.get("volumes", []):
        sources = [volume, *volume.get("projected", {}).get("sources", [])]
        for source in sources:
            if "configMap" in source:
                yield "ConfigMap", source["configMap"]["name"]
            if "secret" in source:
                yield "Secret", source["secret"].get("secretName") or source["secret"]["name"]
            if "persistentVolumeClaim" in source:
                yield "PersistentVolumeClaim", source["persistentVolumeClaim"]["claimName"]
    if spec.get("serviceAccountName"):
        yield "ServiceAccount", spec["serviceAccountName"]


def reached(objects: Objects, prefix: str, app: str) -> set[tuple[str, str]]:
    """From which part to which, by all policies together."""
    names = {"app": app, "app.kubernetes.io/name": app}
    parts: dict[str, Pod] = {
        **{role: server(role, **names) for role in ("student", "instructor", "grading")},
        "hub": pod(objects, "Deployment", f"{prefix}hub"),
        "proxy": pod(objects, "Deployment", f"{prefix}proxy"),
        "culler": pod(objects, "Deployment", "coursehub-culler"),
        "spawn test": pod(objects, "CronJob", "coursehub-spawn-test"),
        "provisioner": pod(objects, "Deployment", f"{STORAGE}provisioner"),
        "check": pod(objects, "CronJob", f"{STORAGE}check"),
    }
    places: dict[str, tuple[Pod | str, int]] = {
        "hub": (parts["hub"], 8081),
        "proxy": (parts["proxy"], 8000),
        "proxy's API": (parts["proxy"], 8001),
        "a server": (parts["student"], 8888),
        "provisioner": (parts["provisioner"], 8080),
        "API server": ("192.0.2.1", 6443),
        "internet": ("198.51.100.1", 443),
        "DNS": (Pod({"k8s-app": "kube-dns"}, "kube-system"), 53),
    }
    return {
        (source, place)
        for source, each in parts.items()
        for place, (target, port) in places.items()
        if reaches(objects, each, target, port)
    }


class TestAnyReleaseAnywhere:
    """Names that YAML takes for numbers or days, and long ones."""

    @pytest.mark.parametrize("name", ["2026", "1e3", "0x1f", "2026-10-01"])
    @pytest.mark.parametrize("where", ["release", "namespace"])
    def test_a_name_is_text_everywhere(self, chart: Chart, name: str, where: str) -> None:
        moved = replace(chart, release_name=name) if where == "release" else replace(chart, namespace=name)
        lines = moved.text(EVERYTHING).splitlines()
        assert any(f'"{name}"' in line for line in lines)
        bare = re.compile(rf"(?:^|[ :,\[{{]){re.escape(name)}\s*(?:$|[,\]}}])")
        assert [line for line in lines if bare.search(line)] == []

    def test_a_namespace_whose_storage_has_no_name_is_refused(self, chart: Chart) -> None:
        long = replace(chart, namespace="n" * 56)
        assert f"- storage: the namespace {'n' * 56} has 56 letters" in long.refusal(EVERYTHING)
        long.render()
        replace(chart, namespace="n" * 55).render(EVERYTHING)

    def test_two_releases_share_nothing_but_what_the_second_names_anew(self, chart: Chart) -> None:
        """PriorityClasses are the cluster's, and upstream's lists take no template."""
        core = {"extraPodSpec": {"priorityClassName": "second-core"}}
        second = {"jupyterhub": {"hub": core, "proxy": {"chp": core}}}
        one = _of_the_cluster(chart.render(EVERYTHING), "teaching")
        other = _of_the_cluster(
            replace(chart, release_name="2026", namespace="2026").render(merged(EVERYTHING, second)), "2026"
        )
        assert one & other == set()
        assert {kind for kind, _ in one} == {"Namespace", "PersistentVolume", "PriorityClass"}

    def test_a_release_of_digits_can_have_names_of_its_own(self, chart: Chart) -> None:
        moved = replace(chart, release_name="2026")
        assert ("Service", "j-2026-hub") in moved.render(at("jupyterhub.fullnameOverride", "j-2026"))
        assert 'write another, such as teaching, or ""' in moved.refusal(at("jupyterhub.fullnameOverride", None))


def _of_the_cluster(objects: Objects, namespace: str) -> set[tuple[str, str]]:
    kinds = {"Namespace", "PersistentVolume", "PriorityClass", "ClusterRole", "ClusterRoleBinding"}
    found = {(kind, each["metadata"]["name"]) for (kind, _), each in objects.items() if kind in kinds}
    others = {each["metadata"].get("namespace", namespace) for (kind, _), each in objects.items() if kind not in kinds}
    assert others == {namespace, f"{namespace}-storage"}
    return found


class TestASecretOfTheSitesOwn:
    """`hub.existingSecret` goes before the chart's, in the hub and so in all that the hub knows by a token."""

    VALUES: Values = merged(EVERYTHING, at("jupyterhub.hub.existingSecret", "site"))

    @pytest.mark.parametrize("name", ["coursehub-culler", "coursehub-spawn-test"])
    def test_a_token_in_it_is_taken_and_one_that_is_not_keeps_no_pod_back(self, chart: Chart, name: str) -> None:
        spec = ours(chart.render(self.VALUES))[name]
        made, given = next(each["projected"]["sources"] for each in spec["volumes"] if "projected" in each)
        key = f"hub.services.{name}.apiToken"
        assert made["secret"] == {"name": "hub", "items": [{"key": key, "path": "token"}]}
        assert given["secret"] == {"name": "site", "optional": True, "items": [{"key": key, "path": "given"}]}
        (folder,) = {mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"] if mount["name"] == "token"}
        files = [word for word in spec["containers"][0]["args"] if word.startswith("--token=")]
        assert files == [f"--token={folder}/given", f"--token={folder}/token"], "the first that is there is taken"

    def test_prometheus_takes_the_token_from_where_the_site_says(self, chart: Chart) -> None:
        values = merged(self.VALUES, at("monitoring.serviceMonitor.existingSecret", "site"))
        for each, secret in ((self.VALUES, "hub"), (values, "site")):
            (endpoint,) = chart.render(each)["ServiceMonitor", "coursehub-hub"]["spec"]["endpoints"]
            assert endpoint["authorization"]["credentials"]["name"] == secret


PULL = {"create": True, "registry": "registry.example.edu", "username": "u", "password": "p", "email": "a@b.edu"}


class TestImagePullSecrets:
    """Our pods run the hub's image, so they pull it as the hub does."""

    @pytest.mark.parametrize(
        "values",
        [
            pytest.param({"imagePullSecret": PULL}, id="made by upstream"),
            pytest.param({"imagePullSecret": {**PULL, "automaticReferenceInjection": False}}, id="made and not named"),
            pytest.param({"imagePullSecrets": ["a", {"name": "b"}]}, id="the site's own"),
            pytest.param({"hub": {"image": {"pullSecrets": ["a"]}}}, id="of the hub's image"),
            pytest.param(
                {"imagePullSecret": PULL, "imagePullSecrets": ["a"], "hub": {"image": {"pullSecrets": ["a", "c"]}}},
                id="all of them",
            ),
            pytest.param({"imagePullSecret": PULL, "fullnameOverride": "teaching"}, id="by another name"),
        ],
    )
    def test_each_pod_of_ours_names_what_the_hub_names(self, chart: Chart, values: Values) -> None:
        objects = chart.render(named(values))
        name = next(name for kind, name in objects if kind == "Deployment" and name.endswith("hub"))
        wanted = pod_spec(objects, name).get("imagePullSecrets")
        assert {json.dumps(spec.get("imagePullSecrets")) for spec in ours(objects).values()} == {json.dumps(wanted)}

    @pytest.mark.parametrize("name", ["", "teaching"])
    def test_the_one_that_upstream_makes_is_beside_the_storage_too(self, chart: Chart, name: str) -> None:
        objects = chart.render(named({"imagePullSecret": PULL, "fullnameOverride": name}))
        called = f"{name}-image-pull-secret".lstrip("-")
        theirs, ours = (objects["Secret", f"{space}{called}"] for space in ("", "teaching-storage/"))
        assert ours["type"] == theirs["type"] == "kubernetes.io/dockerconfigjson"
        logins = [json.loads(base64.b64decode(each["data"][".dockerconfigjson"])) for each in (ours, theirs)]
        assert logins[0] == logins[1]
        login = logins[0]["auths"]["registry.example.edu"]
        assert login == {
            "username": "u",
            "password": "p",
            "email": "a@b.edu",
            "auth": base64.b64encode(b"u:p").decode(),
        }

    def test_nothing_of_it_is_where_nothing_of_ours_acts_as_root(self, chart: Chart) -> None:
        objects = chart.render(at("jupyterhub.imagePullSecret", PULL))
        secrets = {name for kind, name in objects if kind == "Secret"}
        assert secrets == {"image-pull-secret", "hub", "coursehub-provisioner"}


TAINT = {"key": "hub.jupyter.org/dedicated", "operator": "Equal", "value": "core", "effect": "NoSchedule"}


class TestNodes:
    """Where upstream's own pods run, ours run."""

    @pytest.mark.parametrize(
        "values",
        [
            pytest.param({}, id="as upstream has it"),
            pytest.param(at("scheduling.corePods.tolerations", [{"key": "campus", "operator": "Exists"}]), id="taints"),
            pytest.param(at("scheduling.corePods.nodeAffinity.matchNodePurpose", "require"), id="core nodes alone"),
            pytest.param(at("scheduling.corePods.nodeAffinity.matchNodePurpose", "ignore"), id="any node"),
            pytest.param(at("hub.nodeSelector", {"kind": "core"}), id="a label"),
            pytest.param(at("hub.tolerations", [{"key": "campus", "operator": "Exists"}]), id="the hub's own"),
        ],
    )
    def test_each_pod_of_ours_runs_where_the_hub_does(self, chart: Chart, values: Values) -> None:
        objects = chart.render(named(values))
        hub = pod_spec(objects, "hub")
        for name, spec in ours(objects).items():
            for key in ("tolerations", "affinity", "nodeSelector"):
                assert spec.get(key) == hub.get(key), f"{name}: {key}"

    def test_nodes_that_are_for_such_pods_alone_are_taken(self, chart: Chart) -> None:
        for name, spec in ours(chart.render(EVERYTHING)).items():
            assert TAINT in spec["tolerations"], name


class TestBaseUrl:
    """It becomes a part of addresses that are put together here."""

    @pytest.mark.parametrize("base", ["/", "/jupyter/", "/jupyter", "/lehre/jupyter/", "/~hub/2026_x.y-z/"])
    def test_a_path_is_a_part_of_each_address(self, chart: Chart, base: str) -> None:
        objects = chart.render(named({"hub": {"baseUrl": base}}))
        path = base.rstrip("/")
        words = " ".join(word for spec in ours(objects).values() for word in spec["containers"][0].get("args", []))
        for address in (f"http://hub:8081{path}/hub/api", f"http://hub:8081{path}/hub", f"http://proxy-public{path}"):
            assert f"={address} " in f"{words} "

    @pytest.mark.parametrize(
        ("base", "instead"),
        [
            ("jupyter/", "/jupyter/"),
            ("jupyter", "/jupyter/"),
            ("", "/jupyter/"),
            ("//", "/jupyter/"),
            ("/jupyter//", "/jupyter/"),
            ("https://hub.example.edu/", "/jupyter/"),
            ("/a b/", "/jupyter/"),
            ("/hub?x=1", "/jupyter/"),
            ("/../", "/jupyter/"),
            ("/lehre/./jupyter", "/jupyter/"),
            ("/lehre/..", "/jupyter/"),
        ],
    )
    def test_anything_else_is_refused_with_what_to_write(self, chart: Chart, base: str, instead: str) -> None:
        said = (
            f'- jupyterhub.hub.baseUrl: "{base}" is no path of an address; write it from its first slash to its last, '
        )
        assert f"{said}such as {instead}." in chart.refusal(at("jupyterhub.hub.baseUrl", base))


class TestAChartAroundThisOne:
    """As universities have that install several charts together."""

    @pytest.fixture(scope="class")
    def around(self, chart: Chart, tmp_path_factory: pytest.TempPathFactory) -> Chart:
        return _around(chart, tmp_path_factory.mktemp("around") / "university")

    def values(self, **more: Any) -> dict[str, Any]:
        return {"coursehub": merged(merged(SITE, EVERYTHING), more), "global": {"campus": "north"}}

    def render(self, around: Chart, tmp_path: Path, values: Values) -> Objects:
        (tmp_path / "values.yaml").write_text("{}")
        return around.render(values, tmp_path / "values.yaml")

    def test_it_renders_the_same_objects(self, chart: Chart, around: Chart, tmp_path: Path) -> None:
        secrets = at("storage.provisioner.existingSecret", True)
        alone = chart.render(merged(EVERYTHING, secrets))
        within = self.render(around, tmp_path, self.values(enabled=True, **secrets))
        assert {key: _without_values(each) for key, each in within.items()} == {
            key: _without_values(each) for key, each in alone.items()
        }

    def test_it_can_leave_it_out(self, around: Chart, tmp_path: Path) -> None:
        assert self.render(around, tmp_path, self.values(enabled=False)) == {}

    def test_names_and_pull_secrets_are_upstreams_there_too(self, around: Chart, tmp_path: Path) -> None:
        names = {"jupyterhub": {"fullnameOverride": None, "imagePullSecret": PULL}}
        objects = self.render(around, tmp_path, self.values(enabled=True, **names))
        assert ("Deployment", "coursehub-jupyterhub-hub") in objects
        for name, spec in ours(objects).items():
            assert spec["imagePullSecrets"] == [{"name": "coursehub-jupyterhub-image-pull-secret"}], name

    def test_it_can_call_it_by_another_name(self, chart: Chart, tmp_path: Path) -> None:
        around = _around(chart, tmp_path / "university", alias="teaching")
        values = {"teaching": merged(merged(SITE, EVERYTHING), at("jupyterhub.nameOverride", "lab"))}
        labels = self.render(around, tmp_path, values)["Pod", "coursehub-network-test-student"]["metadata"]["labels"]
        assert labels["app"] == "lab"

    def test_what_is_wrong_is_said_there_too(self, around: Chart) -> None:
        values = self.values(enabled=True, **at("jupyterhub.hub.baseUrl", "jupyter/"))
        assert '- jupyterhub.hub.baseUrl: "jupyter/" is no path of an address' in around.refusal(values, bare=True)


def _around(chart: Chart, folder: Path, **more: str) -> Chart:
    version = yaml.safe_load((chart.folder / "Chart.yaml").read_text())["version"]
    name = more.get("alias", "coursehub")
    dependency = {"name": "coursehub", "version": version, "condition": f"{name}.enabled", **more}
    about = {"apiVersion": "v2", "name": "university", "version": "1.0.0", "dependencies": [dependency]}
    shutil.copytree(chart.folder, folder / "charts/coursehub")
    (folder / "Chart.yaml").write_text(yaml.safe_dump(about))
    return Chart(folder, chart.kind)


def _without_values(each: dict[str, Any]) -> Any:
    """Without what holds all values, and the digest of that; and without nulls, which say nothing, in the site's."""
    text = json.loads(json.dumps(each))
    text.get("data", {}).pop("values.yaml", None)
    if "site.yaml" in text.get("data", {}):
        text["data"]["site.yaml"] = _without_nulls(yaml.safe_load(text["data"]["site.yaml"]))
    annotations = text.get("spec", {}).get("template", {}).get("metadata", {}).get("annotations", {})
    annotations.pop("checksum/secret", None)
    return text


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return value
