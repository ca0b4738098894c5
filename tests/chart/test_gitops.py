"""Tools that render without the cluster: nothing is random, and hub and proxy have their secrets from one Secret."""

import re
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest
import yaml
from coursehub.cli import secrets_plan

from tests.chart.given import EVERYTHING
from tests.chart.helm import ROOT, VERSION, Chart, Values, at, merged, pod_spec

FOLDER = ROOT / "docs/examples/gitops"
PLACEHOLDERS, SITE, COURSES = (FOLDER / f"{name}.yaml" for name in ("placeholders", "site", "courses"))
TAG: Values = at("jupyterhub.hub.image.tag", VERSION)
TOKEN = "jupyterhub.hub.config.ConfigurableHTTPProxy.auth_token"
ZEROS = "0" * 64
ALL: Values = merged(EVERYTHING, at("monitoring.spawnTest.url", "https://jupyter.example.edu"))


def twice(chart: Chart, values: Values, *files: Path) -> tuple[str, str]:
    """Two renders of the same, as a tool makes them."""
    first, second = (Chart(chart.folder, chart.kind).text(values, *files) for _ in range(2))
    return first, second


class TestTwoRenders:
    @pytest.mark.parametrize(
        "values",
        [{}, at("storage.provisioner.enabled", False), ALL],
        ids=["least", "without a provisioner", "everything"],
    )
    def test_with_the_placeholders_they_are_equal_byte_for_byte(self, chart: Chart, values: Values) -> None:
        first, second = twice(chart, merged(TAG, values), PLACEHOLDERS, SITE)
        assert first == second

    def test_without_them_they_are_not(self, chart: Chart) -> None:
        first, second = twice(chart, TAG, SITE)
        assert first != second


def values_of(*files: Path) -> dict[str, Any]:
    """The values of files, as helm merges them."""
    found: dict[str, Any] = {}
    for file in files:
        found = merged(found, yaml.safe_load(file.read_text()))
    return found


def left_out(path: str) -> dict[str, Any]:
    """The example's values without a key."""
    return merged(values_of(PLACEHOLDERS, SITE), merged(TAG, at(path, None)))


class TestPlaceholders:
    """Zeros are for all to read: without the Secret that has the real ones nothing renders."""

    def test_a_secret_of_the_sites_own_has_to_be_named(self, chart: Chart) -> None:
        said = chart.refusal(left_out("jupyterhub.hub.existingSecret"), bare=True)
        assert "- jupyterhub.hub.existingSecret: none is given, and zeros stand for hub.config.Config" in said
        assert "`coursehub secrets apply`" in said

    @pytest.mark.parametrize(
        ("path", "written"),
        [
            (TOKEN, "64 zeros"),
            ("jupyterhub.hub.config.JupyterHub.cookie_secret", "64 zeros"),
            ("jupyterhub.hub.config.CryptKeeper.keys", "a list of 64 zeros"),
            ("jupyterhub.hub.services.coursehub-metrics.apiToken", "64 zeros"),
        ],
    )
    def test_one_that_is_forgotten_would_be_random(self, chart: Chart, path: str, written: str) -> None:
        said = chart.refusal(left_out(path), bare=True)
        why = "none is given, and without the cluster each render would make another"
        assert f"- {path}: {why}; write {written}" in said

    @pytest.mark.parametrize("enabled", [True, False], ids=["provisioner", "what only looks"])
    def test_the_token_of_whom_the_hub_asks_for_directories_would_be_too(self, chart: Chart, enabled: bool) -> None:
        service = at("storage.provisioner", {"enabled": enabled, "existingSecret": False})
        values = merged(values_of(PLACEHOLDERS, SITE), merged(TAG, service))
        said = chart.refusal(values, bare=True)
        assert "- storage.provisioner.existingSecret: without the cluster each render would make another token" in said

    def test_a_service_of_the_sites_own_has_one_too(self, chart: Chart) -> None:
        values = merged(values_of(PLACEHOLDERS, SITE), merged(TAG, at("jupyterhub.hub.services.grades", {})))
        assert "- jupyterhub.hub.services.grades.apiToken: none is given" in chart.refusal(values, bare=True)

    @pytest.mark.parametrize("zeros", [ZEROS + "\n", ZEROS + "\r\n", " " + ZEROS, "0"], ids=ascii)
    def test_blanks_around_zeros_make_no_secret_of_them(self, chart: Chart, zeros: str) -> None:
        said = chart.refusal(at(TOKEN, zeros))
        assert "- jupyterhub.hub.existingSecret: none is given, and zeros stand for hub.config.Config" in said

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param({"COURSEHUB_PROXY_TOKEN": "t" * 64}, id="a token in git"),
            pytest.param({"NODE_OPTIONS": "--max-old-space-size=200"}, id="nothing that takes it"),
            pytest.param({"COURSEHUB_PROXY_TOKEN": {"valueFrom": {"secretKeyRef": {"name": "hub"}}}}, id="another"),
            pytest.param({"COURSEHUB_PROXY_TOKEN": {"valueFrom": {"secretKeyRef": {"optional": True}}}}, id="optional"),
        ],
    )
    def test_the_proxy_would_serve_with_zeros(self, chart: Chart, change: Values) -> None:
        values = merged(values_of(PLACEHOLDERS, SITE), merged(TAG, at("jupyterhub.proxy.chp.extraEnv", change)))
        assert "- jupyterhub.proxy.chp.extraEnv: zeros stand for hub.config" in chart.refusal(values, bare=True)

    @pytest.mark.parametrize("name", ["hub", "coursehub-provisioner", "coursehub-ldap"])
    def test_a_secret_of_the_charts_is_not_the_sites(self, chart: Chart, name: str) -> None:
        """`coursehub secrets apply` would write into it, and helm or the next sync would put zeros over that."""
        said = chart.refusal(at("jupyterhub.hub.existingSecret", name))
        assert f"- jupyterhub.hub.existingSecret: {name} is a Secret of this chart's own" in said

    def test_nor_is_it_by_the_name_that_the_values_give(self, chart: Chart) -> None:
        values = merged(
            at("jupyterhub.fullnameOverride", "teaching"), at("jupyterhub.hub.existingSecret", "teaching-hub")
        )
        assert "- jupyterhub.hub.existingSecret: teaching-hub is a Secret of this" in chart.refusal(values)

    @pytest.mark.parametrize("part", ["hub", "proxy.chp"])
    @pytest.mark.parametrize("name", ["CONFIGPROXY_AUTH_TOKEN", "ours"])
    def test_a_variable_that_upstream_names_is_not_named_twice(self, chart: Chart, part: str, name: str) -> None:
        """As docs of others advise; a server-side apply refuses the Deployment."""
        value = {"name": "CONFIGPROXY_AUTH_TOKEN", "valueFrom": {"secretKeyRef": {"name": "site", "key": "token"}}}
        said = chart.refusal(at(f"jupyterhub.{part}.extraEnv", {name: value}))
        assert f"- jupyterhub.{part}.extraEnv: CONFIGPROXY_AUTH_TOKEN is one that upstream names itself" in said

    @pytest.mark.parametrize("deployment", ["hub", "proxy"])
    def test_no_variable_has_two_values(self, chart: Chart, deployment: str) -> None:
        (container,) = pod_spec(chart.render(TAG, PLACEHOLDERS, SITE), deployment)["containers"]
        names = [each["name"] for each in container["env"]]
        assert len(names) == len(set(names))

    def test_with_real_values_or_none_nothing_is_asked(self, chart: Chart) -> None:
        assert ("Deployment", "proxy") in chart.render(TAG, SITE)
        assert ("Deployment", "proxy") in chart.render()


class Tool:
    """What a tool gives helm, read from its own file of docs/examples/gitops."""

    def __init__(self, kind: str, folder: Path) -> None:
        """The files are copied into `folder` with the chart's version in the place of VERSION."""
        for file in FOLDER.iterdir():
            (folder / file.name).write_text(file.read_text().replace("VERSION", VERSION))
        self.folder = folder
        files, values, self.version, self.label = getattr(self, f"_{kind}")()
        (folder / "given.yaml").write_text(yaml.safe_dump(values))
        self.values = [*(folder / file for file in files), folder / "given.yaml"]

    def _all(self, name: str) -> dict[str, Any]:
        """The documents of a file by their kind."""
        return {each["kind"]: each for each in yaml.safe_load_all((self.folder / name).read_text())}

    def _argocd(self) -> tuple[list[str], Any, str, Any]:
        spec = self._all("argocd.yaml")["Application"]["spec"]
        config, chart = spec["sources"]
        assert config["ref"] == "config"
        values: dict[str, Any] = {}
        for each in chart["helm"]["parameters"]:
            assert each["forceString"] is True
            values = merged(values, at(each["name"], each["value"]))
        files = [file.removeprefix("$config/") for file in chart["helm"]["valueFiles"]]
        return files, values, chart["targetRevision"], spec["syncPolicy"]["managedNamespaceMetadata"]["labels"]

    def _flux(self) -> tuple[list[str], Any, str, Any]:
        kustomization = yaml.safe_load((self.folder / "kustomization.yaml").read_text())
        (generated,) = kustomization["configMapGenerator"]
        assert kustomization["resources"] == ["flux.yaml"]
        found = self._all("flux.yaml")
        spec = found["HelmRelease"]["spec"]
        for each in spec["valuesFrom"]:
            assert (each["kind"], each["name"]) == ("ConfigMap", generated["name"])
            assert each["valuesKey"] in generated["files"]
        files = [each["valuesKey"] for each in spec["valuesFrom"]]
        version = found["OCIRepository"]["spec"]["ref"]["tag"]
        return files, spec["values"], version, found["Namespace"]["metadata"]["labels"]

    def _helmfile(self) -> tuple[list[str], Any, str, Any]:
        (release,) = yaml.safe_load((self.folder / "helmfile.yaml").read_text())["releases"]
        *files, values = release["values"]
        return files, values, release["version"], LABEL if release["createNamespace"] is False else None

    def _terraform(self) -> tuple[list[str], Any, str, Any]:
        text = (self.folder / "main.tf").read_text()
        (version,) = re.findall(r'(?m)^  version = "(.+)" #', text)
        (block,) = re.findall(r"(?s)values = \[\n(.+?)\n  \]", text)
        *files, given = block.splitlines()
        (encoded,) = re.findall(r"^ +yamlencode\((.+)\),$", given)
        values = yaml.safe_load(encoded.replace(" = ", ": ").replace("local.version", version))
        (label,) = re.findall(r'labels = \{ "(.+)" = "(.+)" \}', text)
        names = [re.fullmatch(r' +file\("(.+)"\),', line) for line in files]
        return [name[1] for name in names if name], values, version, dict([label])


LABEL = {"pod-security.kubernetes.io/enforce": "restricted"}


@pytest.mark.parametrize("kind", ["argocd", "flux", "helmfile", "terraform"])
class TestExamples:
    """Each file of docs/examples/gitops renders as its tool would, twice the same."""

    @pytest.fixture
    def tool(self, kind: str, tmp_path: Path) -> Tool:
        return Tool(kind, tmp_path)

    def test_it_renders_the_charts_own_version_twice_the_same(self, chart: Chart, tool: Tool) -> None:
        assert [file.name for file in tool.values] == ["placeholders.yaml", "site.yaml", "courses.yaml", "given.yaml"]
        assert tool.version == VERSION
        first, second = twice(chart, {}, *tool.values)
        assert first == second

    def test_the_course_file_arrives_as_by_set_file(self, chart: Chart, tool: Tool, tmp_path: Path) -> None:
        block = (FOLDER / "courses.yaml").read_text().partition("main: |\n")[2]
        (tmp_path / "main").write_text(dedent(block))
        given = chart.render({}, PLACEHOLDERS, SITE, tool.values[-1], courses={"main": tmp_path / "main"})
        found = chart.render({}, *tool.values)["ConfigMap", "coursehub-courses"]["data"]
        assert found == given["ConfigMap", "coursehub-courses"]["data"]
        assert "# since autumn 2025" in found["main.yaml"]

    def test_the_namespace_has_the_restricted_label(self, tool: Tool) -> None:
        assert tool.label == LABEL


# Whatever a line holds: comments, odd blanks, a quote, another script, no blank line lost.
ODD = """# first

courses:
  a:   {name: 'Ü: "x"'}  # why
  # a\ttab, and `code`, {{ .Values.x }}, $(x), 中

  b: {}
"""


def test_a_block_in_a_values_file_arrives_byte_for_byte(chart: Chart, tmp_path: Path) -> None:
    given, file = tmp_path / "courses.yaml", tmp_path / "values.yaml"
    given.write_text(ODD)
    file.write_text("courses:\n  files:\n    main: |\n" + indent(ODD, " " * 6))
    for objects in (chart.render(TAG, SITE, file), chart.render(TAG, SITE, courses={"main": given})):
        assert objects["ConfigMap", "coursehub-courses"]["data"] == {"main.yaml": ODD}


# Of the kinds that there are in a release, those that have a namespace.
NAMESPACED = {
    *("ConfigMap", "CronJob", "Deployment", "NetworkPolicy", "PersistentVolumeClaim", "Pod", "PodDisruptionBudget"),
    *("Role", "RoleBinding", "Secret", "Service", "ServiceAccount"),
}


class TestRightsInTheCluster:
    def test_argo_cds_project_allows_what_has_no_namespace_and_no_more(self, chart: Chart, tmp_path: Path) -> None:
        project = Tool("argocd", tmp_path)._all("argocd.yaml")["AppProject"]["spec"]
        allowed = {each["kind"] for each in project["clusterResourceWhitelist"]}
        objects = chart.render(TAG, PLACEHOLDERS, SITE)
        assert {kind for kind, _ in objects} - NAMESPACED == allowed
        spaces = {each["metadata"].get("namespace", "coursehub") for each in objects.values()}
        assert {each["namespace"].replace("coursehub", chart.namespace) for each in project["destinations"]} == {
            space.replace("coursehub", chart.namespace) for space in spaces
        }

    def test_without_them_all_that_renders_is_in_the_releases_namespace(self, chart: Chart) -> None:
        objects = chart.render(TAG, PLACEHOLDERS, SITE, FOLDER / "namespaced.yaml")
        assert {kind for kind, _ in objects} <= NAMESPACED
        assert {each["metadata"].get("namespace", chart.namespace) for each in objects.values()} == {chart.namespace}
        for name in ("hub", "proxy"):
            assert not pod_spec(objects, name).get("priorityClassName")


def test_the_page_names_each_file_and_each_key_of_the_secret() -> None:
    page = (ROOT / "docs/gitops.md").read_text()
    for file in FOLDER.iterdir():
        assert f"](examples/gitops/{file.name})" in page
    for key in secrets_plan.made(values_of(PLACEHOLDERS)):
        service = re.match(r"hub\.services\.(.+)\.apiToken", key)
        assert (service[1] if service else f"`{key}`") in page
