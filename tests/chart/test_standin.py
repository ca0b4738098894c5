"""The stand-in is strict, configures the hub as it says, and looks like upstream's chart to coursehub and its tests."""

import base64
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from coursehub.cli import secrets_plan
from coursehub.hub import placeholders
from tornado.httpclient import AsyncHTTPClient
from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue

from ci.chart import assemble
from tests.chart.given import IMAGE
from tests.chart.helm import ROOT, SITE, Chart, Objects, at, merged, pod_spec

LOCAL = ROOT / "values/local.yaml"
EXAMPLE = ROOT / "values/example-university.yaml"
Configure = Callable[..., Config]


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Chart:
    """The chart with the stand-in, also where upstream's is at hand."""
    folder = tmp_path_factory.mktemp("standin") / "coursehub"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("Z2JH_CHART", str(ROOT / "ci/z2jh-standin"))
        return Chart(folder, assemble(folder).kind)


@pytest.fixture(scope="session")
def upstream(chart: Chart) -> Chart:
    """The chart with upstream's, or a skip."""
    if chart.kind != "upstream":
        pytest.skip("upstream's chart is not at hand; name it by Z2JH_CHART")
    return chart


@pytest.mark.parametrize(
    "path",
    [
        "commonLabels",
        "hub.authenticatePrometheus",
        "hub.db.password",
        "proxy.secretSync",
        "singleuser.extraNodeSelector",
        "custom",
    ],
)
def test_what_the_stand_in_does_not_know_it_refuses(standin: Chart, path: str) -> None:
    assert f"additional properties '{path.rpartition('.')[2]}' not allowed" in standin.refusal(
        at(f"jupyterhub.{path}", {})
    )


@pytest.mark.parametrize("path", ["scheduling.userScheduler", "prePuller.hook"])
def test_what_the_stand_in_lacks_has_to_be_off(standin: Chart, path: str) -> None:
    assert "value must be false" in standin.refusal(at(f"jupyterhub.{path}.enabled", True))


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """The hub's config, from running a chart's own jupyterhub_config.py on what its pod would have mounted."""
    monkeypatch.setattr(AsyncHTTPClient, "configure", lambda *_: None)  # pycurl is in the hub image only

    def configure(chart: Chart, values: dict[str, Any], existing: dict[str, str] | None = None) -> Config:
        objects = chart.render(values)
        root = tmp_path / chart.kind
        secret = {key: base64.b64decode(value) for key, value in objects["Secret", "hub"]["data"].items()}
        hub = yaml.safe_load(secret["values.yaml"])
        hub["hub"]["extraConfig"].pop("zz-coursehub")  # the hook library has tests of its own
        secret["values.yaml"] = yaml.safe_dump(hub).encode()
        config = {key: text.encode() for key, text in objects["ConfigMap", "hub"]["data"].items()}
        code = {name: config[name].replace(b"/usr/local/etc/jupyterhub", str(root).encode()) for name in _CODE}
        given = {key: text.encode() for key, text in (existing or {}).items()}
        for folder, files in {"secret": secret, "config": config, "existing-secret": given, ".": code}.items():
            for name, content in files.items():
                (root / folder).mkdir(parents=True, exist_ok=True)
                (root / folder / name).write_bytes(content)
        monkeypatch.setattr(sys, "path", [*sys.path])
        monkeypatch.delitem(sys.modules, "z2jh", raising=False)
        for service, port in {"HUB": 8081, "PROXY_API": 8001}.items():
            monkeypatch.setenv(f"{service}_SERVICE_PORT", str(port))
        monkeypatch.setenv("POD_NAMESPACE", "teaching")
        found = Config()
        path = root / "jupyterhub_config.py"
        exec(compile(path.read_text(), path, "exec"), {"get_config": lambda: found, "__file__": str(path)})  # noqa: S102
        return found

    yield configure
    sys.modules.pop("z2jh", None)


_CODE = ("jupyterhub_config.py", "z2jh.py")
OURS = {"coursehub-culler", "coursehub-metrics", "coursehub-spawn-test"}
# All that a site may set of upstream and that the stand-in hands to the hub.
EVERYTHING: dict[str, Any] = {
    "jupyterhub": {
        "debug": {"enabled": True},
        "nameOverride": "lab",
        "imagePullSecret": {"create": True, "registry": "r", "username": "u", "password": "p"},
        "imagePullSecrets": [{"name": "all"}],
        "hub": {
            "activeServerLimit": 50,
            "redirectToServer": False,
            "config": {
                "JupyterHub": {"authenticator_class": "dummy", "admin_access": False},
                "Authenticator": {"allowed_users": ["anna"]},
            },
            "extraConfig": {"10-first": "c.JupyterHub.shutdown_on_logout = get_config('debug.enabled')"},
            "loadRoles": {"tests": {"scopes": ["admin:servers"], "services": ["tests"]}},
            "services": {"tests": {"apiToken": "t" * 32, "url": "http://tests"}},
        },
        "singleuser": {
            "nodeSelector": {"teaching": "servers"},
            "extraTolerations": [{"key": "teaching", "operator": "Exists"}],
            "extraPodAffinity": {"required": [{"topologyKey": "zone"}]},
            "extraPodAntiAffinity": {"preferred": [{"weight": 1}]},
            "extraAnnotations": {"example.edu/cost": "teaching"},
            "startTimeout": 120,
            "image": {"pullPolicy": "Always", "pullSecrets": [{"name": "teaching"}]},
        },
    }
}


def test_the_stand_in_configures_a_hub_whose_servers_outlive_it(standin: Chart, configured: Configure) -> None:
    found = configured(standin, {})
    assert found.JupyterHub.cleanup_servers is False
    assert found.ConfigurableHTTPProxy == {"should_start": False, "api_url": "http://proxy-api:8001"}
    assert found.JupyterHub.last_activity_interval == 60
    assert found.JupyterHub.hub_connect_url == "http://hub:8081"
    assert found.JupyterHub.db_url == "sqlite:///jupyterhub.sqlite"
    assert found.JupyterHub.cookie_secret == "b" * 64
    assert found.CryptKeeper["keys"] == ["c" * 64]
    assert found.Spawner.consecutive_failure_limit == 0


def test_our_services_have_tokens_and_no_more_scopes_than_they_use(standin: Chart, configured: Configure) -> None:
    found = configured(standin, {}).JupyterHub
    assert {each["name"]: each.get("api_token") for each in found.services if each["name"] in OURS} == {
        "coursehub-culler": "d" * 64,
        "coursehub-metrics": "e" * 64,
        "coursehub-spawn-test": "f" * 64,
    }
    about = "!group=coursehub-spawn-test"
    assert {each["name"]: each["scopes"] for each in found.load_roles if each["name"] in OURS} == {
        "coursehub-culler": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "coursehub-metrics": ["read:metrics"],
        "coursehub-spawn-test": [f"servers{about}"],
    }


def test_the_site_comes_after_the_chart_and_extra_config_last(standin: Chart, configured: Configure) -> None:
    found = configured(standin, EVERYTHING)
    assert found.JupyterHub.authenticator_class == "dummy"
    assert found.Authenticator.allowed_users == ["anna"]
    assert found.JupyterHub.shutdown_on_logout is True
    assert {service["name"] for service in found.JupyterHub.services} == {"tests", *OURS}


ELSEWHERE = at("jupyterhub.hub.db", {"type": "postgres", "url": "postgresql+psycopg2://hub@db/hub"})


@pytest.mark.parametrize("values", [{}, EVERYTHING, ELSEWHERE], ids=["least", "everything", "PostgreSQL"])
def test_both_charts_configure_the_same_hub(
    standin: Chart, upstream: Chart, configured: Configure, values: dict[str, Any]
) -> None:
    ours, theirs = (_plain(configured(each, values)) for each in (standin, upstream))
    for section in set(ours) | set(theirs):
        assert ours.get(section) == theirs.get(section), section


@pytest.mark.parametrize("kind", ["standin", "upstream"])
def test_a_secret_of_the_sites_own_goes_before_the_charts(
    request: pytest.FixtureRequest, configured: Configure, kind: str
) -> None:
    chart: Chart = request.getfixturevalue(kind)
    values = yaml.safe_dump({"hub": {"config": {"Authenticator": {"allowed_users": ["peter"]}}}})
    existing = {"values.yaml": values, "hub.services.coursehub-culler.apiToken": "z" * 64}
    found = configured(chart, at("jupyterhub.hub.existingSecret", "site"), existing)
    tokens = {each["name"]: each["api_token"] for each in found.JupyterHub.services}
    assert (tokens["coursehub-culler"], tokens["coursehub-metrics"]) == ("z" * 64, "e" * 64)
    assert found.Authenticator.allowed_users == ["peter"]


@pytest.mark.parametrize("kind", ["standin", "upstream"])
def test_in_the_place_of_placeholders_the_hub_takes_the_sites_secret_or_does_not_start(
    request: pytest.FixtureRequest,
    configured: Configure,
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chart: Chart = request.getfixturevalue(kind)
    values = yaml.safe_load((ROOT / "docs/examples/gitops/placeholders.yaml").read_text())
    found = configured(chart, values)
    monkeypatch.setenv("CONFIGPROXY_AUTH_TOKEN", "0" * 64)  # as upstream's Secret has it
    given = tmp_path / chart.kind / "existing-secret"
    with pytest.raises(SystemExit, match=r"CryptKeeper\.keys, hub\.services\.coursehub-culler"):
        placeholders.replace(found, given)
    keys = secrets_plan.made(values)
    found = configured(chart, values, {key: str(number) * 64 for number, key in enumerate(keys, 1)})
    placeholders.replace(found, given)
    used = {
        "hub.config.ConfigurableHTTPProxy.auth_token": found.ConfigurableHTTPProxy.auth_token,
        "hub.config.CryptKeeper.keys": found.CryptKeeper["keys"][0],
        "hub.config.JupyterHub.cookie_secret": found.JupyterHub.cookie_secret,
        **{f"hub.services.{each['name']}.apiToken": each["api_token"] for each in found.JupyterHub.services},
    }
    assert used == {key: str(number) * 64 for number, key in enumerate(keys, 1)}


def _plain(config: Config) -> dict[str, Any]:
    """The config as plain data, without what concerns nobody: which of several nodes, in which order flags."""
    plain: dict[str, Any] = yaml.safe_load(yaml.safe_dump(_data(config)))
    for trait in ("node_affinity_preferred", "node_affinity_required", "allow_privilege_escalation"):
        plain["KubeSpawner"].pop(trait, None)
    for service in plain["JupyterHub"]["services"]:
        service["command"] = sorted(service.get("command", []))
    return plain


def _data(value: Any) -> Any:
    if isinstance(value, LazyConfigValue):  # appended to before it exists
        return _data(value.to_dict())
    if isinstance(value, dict):
        return {key: _data(each) for key, each in value.items() if each not in ([], {}, None)}
    return [_data(each) for each in value] if isinstance(value, list) else value


# What a site may name and place otherwise.
NAMES: dict[str, Any] = {
    "fullnameOverride": "teaching",
    "nameOverride": "lab",
    "imagePullSecret": {"create": True, "registry": "r", "username": "u", "password": "p", "email": "a@b.edu"},
    "imagePullSecrets": ["one", {"name": "two"}],
    "scheduling": {"corePods": {"tolerations": [], "nodeAffinity": {"matchNodePurpose": "require"}}},
    "hub": {"existingSecret": "site", "serviceAccount": {"name": "jupyter"}},
}


@pytest.mark.parametrize(
    "names",
    [{}, NAMES, {"fullnameOverride": None}, ELSEWHERE["jupyterhub"]],
    ids=["usual", "the site's", "the release's", "PostgreSQL"],
)
@pytest.mark.parametrize("site", [LOCAL, EXAMPLE], ids=lambda path: path.stem)
def test_both_charts_make_the_same_objects(standin: Chart, upstream: Chart, site: Path, names: dict[str, Any]) -> None:
    secrets = {"jupyterhub": SITE["jupyterhub"], "storage": {"provisioner": {"existingSecret": True}}}
    values = merged(secrets, {"jupyterhub": names})
    ours, theirs = (each.render(values, site) for each in (standin, upstream))
    assert sorted(ours) == sorted(theirs)
    for name in ours:
        assert _seen(ours, name) == _seen(theirs, name), name


# What neither coursehub nor a test of it looks at: what collects the hub's metrics, and which address family a Service
# has.
_UNSEEN = {"annotations", "ipFamilyPolicy", "automountServiceAccountToken"}


def _seen(objects: Objects, name: tuple[str, str]) -> Any:
    found = objects[name]
    if name[0] == "NetworkPolicy":
        return _unordered(found)
    if name[0] == "Secret" and "values.yaml" in found["data"]:
        return {key: value for key, value in found["data"].items() if key != "values.yaml"}
    if name[0] == "Secret":
        return json.loads(base64.b64decode(found["data"][".dockerconfigjson"]))
    if name[0] == "ConfigMap" and "z2jh.py" in found["data"]:
        names = ("hub", "proxy", "proxy-api", "proxy-public", "singleuser", "image-pull-secret")
        return [found["data"][each] for each in names] + [set(_CODE) <= set(found["data"])]
    return _sorted(found)


def _sorted(value: Any) -> Any:
    """Without the unseen, lists of named things by name, zeros (which are the default) left out."""
    if isinstance(value, dict):
        return {key: _sorted(each) for key, each in value.items() if key not in _UNSEEN and each not in (0, None)}
    if isinstance(value, list):
        return sorted((_sorted(each) for each in value), key=_name) if all(map(_name, value)) else value
    return value


def _unordered(value: Any) -> Any:
    """Peers, ports and rules of a policy mean the same in any order."""
    if isinstance(value, dict):
        return {key: _unordered(each) for key, each in sorted(value.items())}
    return sorted(map(_unordered, value), key=json.dumps) if isinstance(value, list) else value


def _name(value: Any) -> str:
    return str(value.get("mountPath") or value.get("name") or "") if isinstance(value, dict) else ""


RULES = (
    "cloudMetadataServer",
    "dnsPortsCloudMetadataServer",
    "dnsPortsKubeSystemNamespace",
    "dnsPortsPrivateIPs",
    "nonPrivateIPs",
    "privateIPs",
)
POLICIES: dict[str, dict[str, Any]] = {
    "default": {},
    "off": {"enabled": False},
    "everywhere": {"egressAllowRules": dict.fromkeys(RULES, True)},
    "nowhere": {"egressAllowRules": dict.fromkeys(RULES, False)},
    **{f"but {rule}": {"egressAllowRules": dict.fromkeys(RULES, True) | {rule: False}} for rule in RULES},
    "other namespaces": {"interNamespaceAccessLabels": "accept"},
    "ports": {"allowedIngressPorts": ["http", 9090]},
    "no port": {"allowedIngressPorts": []},
    "the site's own": {
        "ingress": [{"from": [{"ipBlock": {"cidr": "192.0.2.0/24"}}], "ports": [{"port": 8000}]}],
        "egress": [{"to": [{"ipBlock": {"cidr": "198.51.100.7/32"}}]}],
    },
}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("https", [False, True], ids=["http", "https"])
def test_both_charts_allow_hub_proxy_and_servers_the_same(
    standin: Chart, upstream: Chart, tmp_path: Path, policy: dict[str, Any], https: bool
) -> None:
    values = {
        "hub": {"networkPolicy": policy},
        "proxy": {
            "chp": {"networkPolicy": policy},
            "https": {"enabled": https, "type": "secret", "secret": {"name": "tls"}},
        },
        "singleuser": {"networkPolicy": policy, "cloudMetadata": {"blockWithIptables": False, "ip": "192.0.2.254"}},
        "scheduling": {"userScheduler": {"enabled": False}, "userPlaceholder": {"enabled": False}},
        "prePuller": {"hook": {"enabled": False}},
    }
    nothing = tmp_path / "values.yaml"
    nothing.write_text("{}")
    ours, theirs = (
        _policies(Chart(each.folder / "charts/jupyterhub", each.kind).render(values, nothing))
        for each in (standin, upstream)
    )
    assert ours == theirs
    assert set(ours) == (set() if policy == {"enabled": False} else {"hub", "proxy", "singleuser"})


def _policies(objects: Objects) -> dict[str, Any]:
    return {name: _unordered(found) for (kind, name), found in objects.items() if kind == "NetworkPolicy"}


@pytest.mark.parametrize("kind", ["standin", "upstream"])
@pytest.mark.parametrize(("host", "by_host"), [("", False), ("https://hub.example.edu", True)])
def test_the_proxy_routes_by_host_where_each_person_has_an_origin(
    request: pytest.FixtureRequest, kind: str, host: str, by_host: bool
) -> None:
    chart: Chart = request.getfixturevalue(kind)
    values = merged({"acknowledgeOneOrigin": True}, at("jupyterhub.hub.config.JupyterHub.subdomain_host", host))
    (container,) = pod_spec(chart.render(values), "proxy")["containers"]
    assert ("--host-routing" in container["command"]) is by_host


def test_both_charts_restart_the_hub_for_the_same_reasons(standin: Chart, upstream: Chart) -> None:
    changes = [
        at("jupyterhub.hub.extraEnv.COURSEHUB_RESTORE", "newest"),
        at("jupyterhub.hub.activeServerLimit", 7),
        {"timezone": "Asia/Tokyo"},
    ]
    restarts = {}
    for each in (standin, upstream):
        before = each.render()["Deployment", "hub"]
        restarts[each.kind] = [each.render(change)["Deployment", "hub"] != before for change in changes]
    assert restarts == {"stand-in": [True, True, False], "upstream": [True, True, False]}


def test_secrets_differ_from_install_to_install(standin: Chart) -> None:
    secrets: set[str] = set()
    for timezone in ("Asia/Tokyo", "Europe/Helsinki"):
        data = standin.render({"timezone": timezone} | IMAGE, LOCAL)["Secret", "hub"]["data"]
        secrets |= {value for key, value in data.items() if key != "values.yaml"}
    assert len(secrets) == 12
    assert all(len(bytes.fromhex(base64.b64decode(secret).decode())) == 32 for secret in secrets)


def test_a_certificate_is_what_the_proxy_serves(standin: Chart) -> None:
    https = {"enabled": True, "type": "secret", "secret": {"name": "tls", "key": "k.pem", "crt": "c.pem"}}
    objects = standin.render(at("jupyterhub.proxy.https", https))
    (container,) = pod_spec(objects, "proxy")["containers"]
    assert {"--port=8443", "--ssl-key=/etc/chp/tls/k.pem", "--ssl-cert=/etc/chp/tls/c.pem"} <= set(container["command"])
