"""Values that cannot work do not render, and helm's message says what to write instead."""

import re
import tarfile
from typing import Any

import pytest
import yaml

from tests.chart.helm import (
    ROOT,
    SITE,
    VERSION,
    Chart,
    Objects,
    RenderError,
    Values,
    at,
    look_up,
    merged,
    on_a_claim,
    pod_spec,
)

UPSTREAM = ROOT.parent / "shared/z2jh-4.4.0"
SHARE = {"persistentVolumeClaim": {"claimName": "coursehub-storage", "readOnly": True}}
TOKEN = {"name": "coursehub-provisioner", "secret": {"secretName": "coursehub-provisioner", "optional": True}}

CASES = [
    pytest.param(
        {"storage": {"nfs": None}},
        "- storage: none is given; set one of storage.nfs, storage.existingClaim, storage.hostPath",
        id="no storage",
    ),
    pytest.param(
        {"storage": {"hostPath": "/srv"}},
        "- storage: storage.nfs and storage.hostPath are both given; keep one",
        id="two storages",
    ),
    pytest.param(
        {"storage": {"nfs": None, "existingClaim": "homes"}},
        "- storage.existingClaim: servers mount the claim coursehub-storage, not homes; make a claim of",
        id="another claim",
    ),
    pytest.param(
        at("storage.provisioner", {"enabled": True, "url": "https://storage.example.edu:8443"}),
        "- storage.provisioner: enabled and url are both given, and the hub asks one service; keep one",
        id="two provisioners",
    ),
    pytest.param(
        {"storage": {"nfs": None, "existingClaim": "coursehub-storage", "check": {"schedule": "@daily"}}},
        "- storage.check: it has a namespace of its own, and storage.existingClaim is in the release's",
        id="a check on the site's claim",
    ),
    pytest.param(
        at("storage.provisioner", {"enabled": True, "existingClaim": "homes"}),
        "- storage.provisioner.existingClaim: without storage.existingClaim the chart makes both claims itself; take",
        id="a claim for the provisioner alone",
    ),
    pytest.param(
        {"storage": {"check": {"schedule": "@daily"}}, "courses": {"existingClaim": "course-files"}},
        "- storage.check: it has a namespace of its own, and courses.existingClaim is in the release's",
        id="a check with course files on the site's claim",
    ),
    pytest.param(
        at("usage.provider", "filesystem"),
        "- usage.provider: filesystem asks the provisioner's service, and there is none; set storage.provisioner",
        id="nobody who counts",
    ),
    pytest.param(
        at("usage.provider", "prometheus"),
        "- usage.prometheus: none is given, and usage.provider is prometheus; add usage.prometheus with url",
        id="no Prometheus",
    ),
    pytest.param(
        {"general": {"image": ""}},
        "- general.image: none is given; write one of the names in images, which now has python",
        id="no image",
    ),
    pytest.param(
        {"general": {"image": "julia"}},
        "- general.image: julia is not in images; write one of python, or add it there",
        id="unknown image",
    ),
    pytest.param(
        at("identity.provider", "ldap"),
        "- identity.ldap: none is given, and identity.provider is ldap; add identity.ldap with servers and users",
        id="no LDAP directory",
    ),
    pytest.param(
        at("identity.ldap", {"servers": ["ldaps://a"], "users": {"base": "dc=a"}, "passwordFile": "/a"}),
        "- identity.ldap: passwordFile is the password of bindDn, which is not given; give both",
        id="a password for no LDAP name",
    ),
    pytest.param(
        at("jupyterhub.hub.config.Authenticator.admin_users", ["hanna"]),
        "- jupyterhub.hub.config.Authenticator.admin_users: it makes nobody an admin; write them in admins.",
        id="admins elsewhere",
    ),
    pytest.param(
        at("jupyterhub.hub.config.GenericOAuthenticator.admin_groups", ["staff"]),
        "- jupyterhub.hub.config.GenericOAuthenticator.admin_groups: it makes nobody an admin; write them in admins.",
        id="admins by a group",
    ),
    pytest.param(
        at("jupyterhub.hub.loadRoles.admin", {"users": ["hanna"]}),
        "- jupyterhub.hub.loadRoles.admin: it makes nobody an admin; write them in admins.",
        id="admins by a role",
    ),
    pytest.param(
        at("identity.provider", "authState"),
        "- identity.provider: authState needs what logins leave; set jupyterhub.hub.config.Authenticator.enable",
        id="authState without one",
    ),
    pytest.param(
        {"courses": {"files": {"a": "x" * 300 * 1024, "b": "x" * (100 * 1024 + 1)}}},
        "- courses.files: 401 KiB in all, and 400 fit (helm keeps a release in a Secret, which ends at 1 MiB); name "
        'groups ("@group") instead of students one by one, take out courses that are archived for good, or bring the '
        "files by ConfigMaps of your own (courses.existingConfigMaps) or on a volume (courses.existingClaim)",
        id="too many courses",
    ),
    pytest.param(
        {"courses": {"files": {"a": "ä" * 201 * 1024}}},
        "- courses.files: 402 KiB in all",
        id="bytes are counted, not letters",
    ),
    pytest.param(
        {"acknowledgePlainHttp": False},
        "- https is off, so passwords would travel in the clear; set jupyterhub.proxy.https",
        id="no https",
    ),
    pytest.param(
        merged(
            {"acknowledgePlainHttp": False}, at("jupyterhub.ingress", {"enabled": True, "hosts": ["h.example.edu"]})
        ),
        "- https is off",
        id="an ingress without tls",
    ),
    pytest.param(
        at("jupyterhub.hub.extraConfig.zz-coursehub", "pass"),
        "- jupyterhub.hub.extraConfig: zz-coursehub is changed or gone",
        id="our line changed",
    ),
    pytest.param(
        at("jupyterhub.hub.extraConfig.zz-coursehub", None),
        "- jupyterhub.hub.extraConfig: zz-coursehub is changed or gone",
        id="our line removed",
    ),
    pytest.param(
        at("jupyterhub.hub.extraConfig.zzz-mine", "c.KubeSpawner.modify_pod_hook = None"),
        "- jupyterhub.hub.extraConfig: zzz-mine would run after zz-coursehub",
        id="a line after ours",
    ),
    *(
        pytest.param(
            at(f"jupyterhub.hub.{key}", [{"name": name, **rest}]),
            f"- jupyterhub.hub.{key}: {name} is no more, since the hub never mounts the share: the provisioner looks",
            id=f"the share mounted into the hub by {key}, {name}",
        )
        for key, name, rest in (
            ("extraVolumes", "coursehub-storage", SHARE),
            ("extraVolumes", "software", SHARE),
            ("extraVolumeMounts", "coursehub-storage", {"mountPath": "/srv/coursehub/share", "readOnly": True}),
        )
    ),
    pytest.param(
        at("storage.nfs", {"version": 4.2, "mountOptions": ["nfsvers=3"]}),
        "- storage.nfs.mountOptions: nfsvers=3 is another version than storage.nfs.version (4.2) or the same",
        id="two versions of NFS",
    ),
    pytest.param(
        at("storage.nfs", {"version": 4, "mountOptions": ["minorversion=1"]}),
        "- storage.nfs.mountOptions: minorversion=1 is another version",
        id="half a version of NFS",
    ),
    pytest.param(
        at("network.apiServer", None),
        "- network.apiServer.ports: none is given, and without the API server no server starts; write those of its own",
        id="no port of the API server",
    ),
    pytest.param(
        at("storage.nfs.mountOptions", ["nolock"]),
        "- storage.nfs.mountOptions: with nolock locks end at the node, so where one does not answer a home could have",
        id="locks that end at the node",
    ),
    *(
        pytest.param(
            at("storage.nfs.mountOptions", ["hard", option]),
            f"- storage.nfs.mountOptions: with {option} {why}",
            id=f"the mount option {option}",
        )
        for option, why in {
            "local_lock=all": "locks end at the node",
            "local_lock=flock": "locks end at the node",
            "local_lock=posix": "locks end at the node",
            "sec=krb5p": "the file server asks for more than numbers",
            "sec=sys:krb5": "the file server asks for more than numbers",
            "sec=none": "the file server asks for more than numbers",
            "bg": "a node that cannot mount the share goes on without it",
            "ro": "nobody can save anything",
            "vers=2": "there are no locks between nodes",
        }.items()
    ),
    pytest.param(
        at("storage.nfs.mountOptions", ["suid"]),
        "- storage.nfs.mountOptions: with suid a file that one person left could run with the rights of another; leave",
        id="F8 a mount that honours setuid",
    ),
    pytest.param(
        at("storage.nfs.mountOptions", ["dev"]),
        "- storage.nfs.mountOptions: with dev",
        id="F8 a mount that honours devices",
    ),
    pytest.param(
        at("jupyterhub.hub.image", {"name": "quay.io/jupyterhub/k8s-hub", "tag": "4.4.0"}),
        f'and write {{"name":"REGISTRY/coursehub-hub","tag":"{VERSION}"}}.',
        id="upstream's image of the hub",
    ),
    pytest.param(
        at("jupyterhub.hub.image.name", ""),
        "- jupyterhub.hub.image: no name is given; make ours in the repository of this chart",
        id="no image of the hub",
    ),
    pytest.param(
        at("jupyterhub.hub.image.tag", ""),
        "- jupyterhub.hub.image.tag: none is another version than this chart's; write",
        id="an image of no version",
    ),
    pytest.param(
        at("jupyterhub.hub.image.tag", f"0.0.9@sha256:{'a' * 64}"),
        f"- jupyterhub.hub.image.tag: 0.0.9@sha256:{'a' * 64} is another version than this chart's",
        id="a digest of another version",
    ),
    pytest.param(
        at("jupyterhub.hub.extraConfig", None),
        "- jupyterhub.hub.extraConfig: zz-coursehub is changed or gone, and without it no course exists",
        id="no extraConfig",
    ),
    pytest.param(
        at("network.campus", []),
        "- network.campus: none is given, and storage.nfs.server is a name, which may lead to a public address, "
        "nfs.example.edu; write the ranges where your file server, nodes and API server are",
        id="N8 a file server of which only the name is known",
    ),
    pytest.param(
        merged(at("network.campus", []), at("storage.nfs.server", "203.0.113.7")),
        "- network.campus: none is given, and storage.nfs.server is the public address 203.0.113.7; write the ranges",
        id="N8 a file server with a public address",
    ),
    pytest.param(
        merged(at("network.campus", []), at("storage.nfs.server", "[2001:db8::7]")),
        "- network.campus: none is given, and storage.nfs.server is the public address [2001:db8::7]; write the ranges",
        id="N8 a file server with a public address of IPv6",
    ),
    pytest.param(
        at("network.campus", ["2001:db8:1::/48"]),
        "- network.campus: no range of IPv4 is given, and storage.nfs.server is a name, which may lead to a public "
        "address, nfs.example.edu; write the ranges where your file server, nodes and API server are",
        id="N8 a file server of which only the name is known, and a range of IPv6",
    ),
    pytest.param(
        at("usage.prometheus", {"url": "http://prometheus-server.monitoring.svc"}),
        "- usage.prometheus.url: it names no port, and 80 is closed to the hub; write the port into the address, and "
        "of a Service (as http://prometheus-server.monitoring.svc:80) the port of its pods into network.hub.ports",
        id="a Prometheus without a port",
    ),
    pytest.param(
        at("jupyterhub.hub.config.GenericOAuthenticator.userdata_url", "http://[2001:db8::1]/who"),
        "- jupyterhub.hub.config.GenericOAuthenticator.userdata_url: it names no port",
        id="a log in without a port",
    ),
    pytest.param(
        at("network.dns", {"cluster": None, "openshift": None, "node": None}),
        "- network.dns: none is given, and where no name is found no server starts; write where the cluster's DNS is",
        id="no DNS",
    ),
    pytest.param(
        at("jupyterhub.fullnameOverride", "2026"),
        '- jupyterhub.fullnameOverride: "2026" makes names that begin with 2026, and those of Services begin with a',
        id="the hub by another name",
    ),
    pytest.param(
        at("jupyterhub.fullnameOverride", "j" * 45),
        f'- jupyterhub.fullnameOverride: "{"j" * 45}" makes names that begin with',
        id="the hub by the release's name",
    ),
    pytest.param(
        at("jupyterhub.hub.image.tag", "0.0.9"),
        f'- jupyterhub.hub.image.tag: 0.0.9 is another version than this chart\'s; write "{VERSION}", and if',
        id="an image of another version",
    ),
    pytest.param(
        at("jupyterhub.hub.initContainers", [{"name": "coursehub-database", "image": "x"}]),
        "- jupyterhub.hub.initContainers: coursehub-database is no more, since the hub's image copies the database",
        id="the init container of an earlier version",
    ),
    pytest.param(
        at("jupyterhub.hub.extraVolumes", [{"name": "coursehub-hooks", "configMap": {"name": "coursehub-hooks"}}]),
        "- jupyterhub.hub.extraVolumes: coursehub-hooks is no more, since the hub's image holds the package; take it",
        id="the package's volume of an earlier version",
    ),
    pytest.param(
        at("jupyterhub.hub.extraVolumeMounts", [{"name": "coursehub-hooks", "mountPath": "/x"}]),
        "- jupyterhub.hub.extraVolumeMounts: coursehub-hooks is no more, since the hub's image holds the package; take",
        id="the package's mount of an earlier version",
    ),
    pytest.param(
        at("global.coursehub.hooksDigest", "0" * 64),
        "- global.coursehub.hooksDigest: it is no more, since the hub's image holds the package; take it out, or where",
        id="the package's digest, which --reuse-values keeps",
    ),
    pytest.param(
        at("jupyterhub.hub.db.pvc.accessModes", ["ReadWriteMany"]),
        "- jupyterhub.hub.db.pvc.accessModes: ReadWriteMany cannot be; the hub's database is on a volume of its own",
        id="a database on a share",
    ),
    pytest.param(
        at("jupyterhub.hub.config.JupyterHub.db_url", "sqlite:////srv/coursehub/share/hub.sqlite"),
        "- jupyterhub.hub.config.JupyterHub.db_url: it would go round the copies of the hub's database; use",
        id="a database file elsewhere",
    ),
    pytest.param(
        at(
            "jupyterhub.hub.extraVolumeMounts",
            [{"name": "mine", "mountPath": "/srv//jupyterhub/"}],
        ),
        "- jupyterhub.hub.extraVolumeMounts: mine cannot be at /srv//jupyterhub/, where the hub's",
        id="a volume mounted where the database is",
    ),
    pytest.param(
        at("courses.existingClaim", "course-files"),
        "- jupyterhub.hub.extraVolumes: coursehub-courses is missing, and the hub reads the course files there; add "
        '{"name":"coursehub-courses","persistentVolumeClaim":{"claimName":"course-files","readOnly":true}}',
        id="a claim of course files that is not mounted",
    ),
    pytest.param(
        at("jupyterhub.hub.config.JupyterHub.internal_ssl", True),
        "- jupyterhub.hub.config.JupyterHub.internal_ssl: it would put a Secret into each server, and the gate refuses",
        id="certificates for servers",
    ),
    pytest.param(
        at("jupyterhub.hub.config.JupyterHub", {"subdomain_host": "", "cookie_host_prefix_enabled": True}),
        "- jupyterhub.hub.config.JupyterHub.cookie_host_prefix_enabled: at one address for all, browsers would send",
        id="cookies for every server",
    ),
    pytest.param(
        at("courses", {"existingClaim": "course-files", "files": {"main": "courses: {}"}}),
        "- courses: files and existingClaim are both given, and the hub reads one of them; take one away, and put",
        id="course files in two places",
    ),
    pytest.param(
        at("courses", {"existingClaim": "course-files", "existingConfigMaps": ["algebra"]}),
        "- courses: existingConfigMaps and existingClaim are both given, and the hub reads one of them; take one away",
        id="course files in ConfigMaps and on a volume",
    ),
    pytest.param(
        at("courses.existingConfigMaps", ["coursehub-courses"]),
        "- courses.existingConfigMaps: coursehub-courses is for something else, and read by its name; take it out",
        id="the chart's own ConfigMap among the site's",
    ),
    pytest.param(
        merged(
            at("courses.existingClaim", "course-files"),
            at("jupyterhub.hub", {"extraVolumes": on_a_claim("course-files")["jupyterhub"]["hub"]["extraVolumes"]}),
        ),
        "- jupyterhub.hub.extraVolumeMounts: coursehub-courses is missing, and the hub reads the course files there; "
        'add {"mountPath":"/usr/local/etc/jupyterhub/courses","name":"coursehub-courses","readOnly":true}',
        id="a claim of course files that the hub has and does not mount",
    ),
    pytest.param(
        at("jupyterhub.hub.extraVolumes", [{"name": "coursehub-site", "configMap": {"name": "coursehub-site"}}]),
        "- jupyterhub.hub.extraVolumes: coursehub-site is no more, since the hub reads its ConfigMaps through the API",
        id="a volume of an earlier version",
    ),
    pytest.param(
        at("jupyterhub.hub.extraVolumes", [TOKEN]),
        "- jupyterhub.hub.extraVolumes: coursehub-provisioner is no more, since the hub reads this Secret through the "
        "API server; take it out of the list",
        id="the token's volume of an earlier version",
    ),
    pytest.param(
        merged(
            at("storage.provisioner.enabled", True),
            at("jupyterhub.hub.extraVolumeMounts", [{"name": "coursehub-provisioner", "mountPath": "/x"}]),
        ),
        "- jupyterhub.hub.extraVolumeMounts: coursehub-provisioner is no more, since the hub reads this Secret through",
        id="the token's mount of an earlier version",
    ),
    pytest.param(
        merged(
            on_a_claim("course-files"),
            at("jupyterhub.hub.extraVolumes", [{"name": "coursehub-courses", "configMap": {"name": "x"}}]),
        ),
        "- jupyterhub.hub.extraVolumes: coursehub-courses is no more, since the hub reads its ConfigMaps through the",
        id="the ConfigMap of an earlier version in the place of the claim",
    ),
    pytest.param(
        at("jupyterhub.hub.extraVolumeMounts", [{"name": "coursehub-courses", "mountPath": "/courses"}]),
        "- jupyterhub.hub.extraVolumeMounts: coursehub-courses is no more, since the hub reads its ConfigMaps through",
        id="a mount of an earlier version",
    ),
    pytest.param(
        at(
            "identity.file.people",
            {f"user{number:05}": {"uid": 100_000 + number, "gid": 100_000 + number} for number in range(20_000)},
        ),
        "KiB, and 250 fit (`kubectl apply` keeps an object in an annotation, which ends at 256 KiB); take the people "
        "from a directory (identity.provider: ldap, nss or authState)",
        id="20,000 people in the values",
    ),
]


@pytest.mark.parametrize(("values", "message"), CASES)
def test_a_combination_that_cannot_work_is_refused_with_the_remedy(chart: Chart, values: Values, message: str) -> None:
    assert message in chart.refusal(values)


def test_values_of_an_earlier_chart_which_reuse_values_keeps_are_told_how_to_go_on(chart: Chart) -> None:
    """Of them helm adds nothing that has come since, which is here as null."""
    with tarfile.open(ROOT / "tests/e2e/earlier/coursehub.tgz") as archive:
        member = archive.extractfile("chart/values.yaml")
        assert member
        earlier = yaml.safe_load(member)
    since = _added(earlier, yaml.safe_load((ROOT / "chart/values.yaml").read_text()))
    assert "dns" in since["network"]
    said = chart.refusal(since)
    assert "or where helm kept the values of an earlier chart, upgrade with --reset-then-reuse-values" in said
    assert "These values cannot work:" in said


def _added(earlier: Values, now: Values) -> dict[str, Any]:
    """Each of our keys that `earlier` has not, as null."""
    found: dict[str, Any] = {}
    for key in now.keys() - {"jupyterhub"}:
        if key not in earlier:
            found[key] = None
        elif (
            isinstance(earlier[key], dict) and isinstance(now[key], dict) and (below := _added(earlier[key], now[key]))
        ):
            found[key] = below
    return found


def test_an_image_needs_images(chart: Chart) -> None:
    said = chart.refusal({"general": {"image": "python"}}, bare=True)
    assert "- general.image: python is not in images; write one of (none yet), or add it there" in said


def test_nothing_set_is_told_all_at_once(chart: Chart) -> None:
    said = chart.refusal({}, bare=True)
    assert all(problem in said for problem in ("- storage: none", "- general.image: none", "- https is off"))


HOSTS = ["h.example.edu", "*.h.example.edu"]
WORKING = [
    pytest.param(at("proxy.https", {"enabled": True, "type": "secret", "secret": {"name": "tls"}}), id="a certificate"),
    pytest.param(at("proxy.https", {"enabled": True, "type": "offload"}), id="a proxy in front"),
    pytest.param(
        at("ingress", {"enabled": True, "hosts": HOSTS, "tls": [{"hosts": HOSTS}]}),
        id="an ingress with tls",
    ),
]


@pytest.mark.parametrize("jupyterhub", WORKING)
def test_https_needs_no_acknowledgement(chart: Chart, jupyterhub: Values) -> None:
    chart.render({"acknowledgePlainHttp": False, "jupyterhub": jupyterhub})


def test_the_hubs_volumes_are_the_sites_alone(chart: Chart) -> None:
    volumes, mounts = [{"name": "mine", "emptyDir": {}}], [{"name": "mine", "mountPath": "/mine"}]
    for values in ({}, {"siteModule": "university"}):
        lists = at("jupyterhub.hub", {"extraVolumes": volumes, "extraVolumeMounts": mounts})
        spec = pod_spec(chart.render(merged(values, lists)), "hub")
        assert "coursehub" not in str([spec["volumes"], spec["containers"][0]["volumeMounts"]])


def test_the_values_that_the_admins_page_gives_for_ldap_render_as_they_stand_and_repeat_no_list(
    chart: Chart, objects: Objects
) -> None:
    blocks = re.findall(r"```yaml\n(identity:\n.*?)```", (ROOT / "docs/admins/people.md").read_text(), re.DOTALL)
    (values,) = (yaml.safe_load(block) for block in blocks if "provider: ldap" in block)
    rendered = chart.render(values)
    assert rendered["ConfigMap", "coursehub-site"]["data"]["ldap"] == "coursehub-ldap"
    assert pod_spec(rendered, "hub") == pod_spec(objects, "hub")


def test_course_files_can_lie_on_a_volume_of_the_sites(chart: Chart) -> None:
    mounted = pod_spec(chart.render(on_a_claim("course-files")), "hub")["volumes"]
    claim = {"claimName": "course-files", "readOnly": True}
    assert {"name": "coursehub-courses", "persistentVolumeClaim": claim} in mounted


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(at("jupyterhub.hub.image.tag", f"{VERSION}@sha256:{'a' * 64}"), id="a tag that a digest pins"),
        pytest.param(
            {
                "storage": {"provisioner": {"enabled": True}},
                "jupyterhub": {"hub": {"extraVolumes": None, "extraVolumeMounts": None, "initContainers": None}},
            },
            id="no lists of the hub, which mounts nothing",
        ),
        pytest.param(at("global.coursehub", None), id="nothing global of ours"),
        pytest.param(at("global.coursehub", "x"), id="something global of another chart's"),
    ],
)
def test_what_can_work_renders(chart: Chart, values: Values) -> None:
    container = pod_spec(chart.render(values), "coursehub-culler")["containers"][0]
    assert container["image"].startswith(f"registry.example.edu/coursehub-hub:{VERSION}")


def test_a_site_adds_its_own_line_before_ours(chart: Chart) -> None:
    chart.render(at("jupyterhub.hub.extraConfig.10-site", "c.JupyterHub.shutdown_on_logout = True"))


# A value for each key that the plan owns, and the words of ours that the message has to name.
OWNED: dict[str, tuple[Any, str]] = {
    "hub.consecutiveFailureLimit": (5, "a limit lets any student end the hub"),
    "hub.concurrentSpawnLimit": (7, "servers.startsAtOnce.most"),
    "hub.cookieSecret": ("0" * 64, "hub.config.JupyterHub.cookie_secret"),
    "proxy.secretToken": ("0" * 64, "hub.config.ConfigurableHTTPProxy.auth_token"),
    "hub.command": (["jupyterhub"], "the image's own entrypoint copies the database"),
    "hub.allowNamedServers": (True, "one server"),
    "hub.loadRoles.coursehub-culler": ({"scopes": ["admin:users"]}, "all that the culler needs"),
    "cull.enabled": (True, "use cull"),
    "cull.users": (True, "users are never removed"),
    "cull.adminUsers": (False, "use cull of a course"),
    "cull.removeNamedServers": (True, "one server"),
    "cull.timeout": (60, "use cull.idle"),
    "cull.every": (60, "use cull.every"),
    "cull.concurrency": (1, "upstream's culler is off"),
    "cull.maxAge": (60, "use cull.maxAge"),
    "singleuser.uid": (0, "identity"),
    "singleuser.fsGid": (0, "general.groups"),
    "singleuser.cpu.limit": (1, "general.resources"),
    "singleuser.cpu.guarantee": (1, "general.resources.guarantee"),
    "singleuser.memory.limit": ("1G", "general.resources"),
    "singleuser.memory.guarantee": ("2G", "general.resources.guarantee"),
    "singleuser.extraResource.limits": ({"nvidia.com/gpu": 1}, "general.resources"),
    "singleuser.extraResource.guarantees": ({"nvidia.com/gpu": 1}, "general.resources"),
    "singleuser.storage.type": ("static", "use storage"),
    "singleuser.storage.capacity": ("1Gi", "use storage"),
    "singleuser.storage.homeMountPath": ("/home", "/home/NAME"),
    "singleuser.storage.extraLabels": ({"a": "b"}, "use storage"),
    "singleuser.storage.extraVolumes": ([{"name": "root", "hostPath": {"path": "/"}}], "use storage"),
    "singleuser.storage.extraVolumeMounts": ([{"name": "root", "mountPath": "/mnt"}], "use storage"),
    "singleuser.storage.static.pvcName": ("homes", "storage.existingClaim"),
    "singleuser.storage.static.subPath": ("{username}/../x", "the layout of the share is fixed"),
    "singleuser.storage.dynamic.storageClass": ("fast", "use storage"),
    "singleuser.storage.dynamic.pvcNameTemplate": ("x", "use storage"),
    "singleuser.storage.dynamic.volumeNameTemplate": ("x", "use storage"),
    "singleuser.storage.dynamic.storageAccessModes": (["ReadWriteMany"], "use storage"),
    "singleuser.storage.dynamic.subPath": ("x", "the layout of the share is fixed"),
    "singleuser.extraFiles": ({"a": {"mountPath": "/a", "stringData": "x"}}, "into an image"),
    "singleuser.extraEnv": ({"LD_PRELOAD": "/x"}, "into an image"),
    "singleuser.extraLabels": ({"hub.jupyter.org/network-access-proxy-api": "true"}, "extraAnnotations"),
    "singleuser.initContainers": ([{"name": "x", "image": "x"}], "into an image"),
    "singleuser.extraContainers": ([{"name": "x", "image": "x"}], "into an image"),
    "singleuser.events": (False, "why a server fails is read from them"),
    "singleuser.lifecycleHooks": ({"postStart": {"exec": {"command": ["x"]}}}, "into an image"),
    "singleuser.extraPodConfig": ({"hostNetwork": True}, "nodeSelector"),
    "singleuser.profileList": ([{"display_name": "x"}], "the course file"),
    "singleuser.cmd": ("start.sh", "into an image"),
    "singleuser.defaultUrl": ("/tree", "opens its person's home"),
    "singleuser.serviceAccountName": ("hub", "no access to the cluster"),
    "singleuser.podNameTemplate": ("x-{username}", "leave it"),
    "singleuser.allowPrivilegeEscalation": (True, "restricted Pod Security level"),
    "singleuser.cloudMetadata.blockWithIptables": (True, "network.egress"),
    **{
        f"{part}.networkPolicy.egressAllowRules.{key}": (True, "use network.dns")
        for part in ("hub", "proxy.chp", "proxy.traefik", "singleuser")
        for key in ("dnsPortsCloudMetadataServer", "dnsPortsKubeSystemNamespace", "dnsPortsPrivateIPs")
    },
    "singleuser.networkPolicy.ingress": ([{"ports": [{"port": 8888}]}], "hub and proxy alone come into a server"),
    "singleuser.networkPolicy.allowedIngressPorts": ([8888], "hub and proxy alone come into a server"),
    "singleuser.networkPolicy.interNamespaceAccessLabels": ("accept", "hub and proxy alone come into a server"),
    "singleuser.networkPolicy.egress": ([{"to": []}], "servers that grade get too"),
    "singleuser.networkPolicy.egressAllowRules.nonPrivateIPs": (True, "network.egress"),
    "singleuser.networkPolicy.egressAllowRules.privateIPs": (True, "network.egress"),
    "singleuser.networkPolicy.egressAllowRules.cloudMetadataServer": (True, "network.egress"),
    "singleuser.networkTools.image.name": ("x", "blockWithIptables is off"),
    "singleuser.networkTools.image.tag": ("x", "blockWithIptables is off"),
    "singleuser.networkTools.image.pullPolicy": ("Always", "blockWithIptables is off"),
    "singleuser.networkTools.image.pullSecrets": (["x"], "blockWithIptables is off"),
    "singleuser.networkTools.resources": ({"limits": {"cpu": 1}}, "blockWithIptables is off"),
}
FREE = {
    "nodeSelector",
    "extraTolerations",
    "extraNodeAffinity",
    "extraPodAffinity",
    "extraPodAntiAffinity",
    "extraAnnotations",
    "startTimeout",
    "networkPolicy.enabled",
    "image.name",
    "image.tag",
    "image.pullPolicy",
    "image.pullSecrets",
    "cloudMetadata.ip",
}


def _table() -> dict[str, list[Any]]:
    text = (ROOT / "chart/templates/_checks.tpl").read_text()
    rows = re.search(r'define "coursehub.fixed" -}}\n(.*?)\{\{- end', text, re.DOTALL)
    assert rows
    table: dict[str, list[Any]] = yaml.safe_load(rows[1])
    return table


@pytest.fixture(scope="module")
def said(chart: Chart) -> dict[str, str]:
    """What helm says of each key, where all of them are set at once, but for one that upstream itself then refuses."""
    alone = "singleuser.networkPolicy.egressAllowRules.cloudMetadataServer"
    found: dict[str, str] = {}
    for paths in ([path for path in OWNED if path != alone], [alone]):
        values: dict[str, Any] = {}
        for path in paths:
            values = merged(values, at(f"jupyterhub.{path}", OWNED[path][0]))
        found |= dict(re.findall(r"(?m)^- jupyterhub\.(\S+): (.*)$", chart.refusal(values)))
    return found


def test_every_key_of_the_table_is_tried_here() -> None:
    assert list(_table()) == list(OWNED)


# Which attack each would be.
ATTACKS = {
    "Y10": ["uid", "fsGid"],
    "Y11": ["storage.extraVolumes", "storage.extraVolumeMounts", "storage.static.subPath", "extraFiles"],
    "Y12": [
        *("serviceAccountName", "extraPodConfig", "extraContainers", "initContainers", "lifecycleHooks", "cmd"),
        *("allowPrivilegeEscalation", "cloudMetadata.blockWithIptables"),
    ],
    "Y13": ["extraLabels"],
    "Y14": ["podNameTemplate", "profileList"],
    "Y21": ["extraEnv"],
    "P6": ["consecutiveFailureLimit"],
}
NAMES = {key: f"{attack} {key}" for attack, keys in ATTACKS.items() for key in keys}


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=NAMES.get(key := path.partition(".")[2], key)) for path in OWNED]
)
def test_a_key_that_the_plan_owns_is_refused_and_ours_is_named(said: dict[str, str], path: str) -> None:
    assert OWNED[path][1] in said[path]


def test_what_a_site_has_written_there_is_not_said_since_it_may_be_a_secret(chart: Chart) -> None:
    written = {
        **at("singleuser.extraEnv", {"DATABASE_PASSWORD": "hunter2"}),
        **at("proxy.secretToken", "hunter2"),
        **at("hub.cookieSecret", "hunter2"),
    }
    assert "hunter2" not in chart.refusal({"jupyterhub": written})


@pytest.mark.parametrize("image", [{"name": "evil.example/x", "tag": "1"}, {"tag": "2"}])
def test_upstreams_image_of_servers_is_its_sample_or_one_of_ours(chart: Chart, image: Values) -> None:
    said = chart.refusal(at("jupyterhub.singleuser.image", image))
    assert "cannot be set here, unless it is one of images; use images and general.image." in said


@pytest.mark.parametrize("authenticator", ["Authenticator", "GenericOAuthenticator"])
def test_auth_state_may_be_kept_by_any_authenticator(chart: Chart, authenticator: str) -> None:
    kept = at(f"jupyterhub.hub.config.{authenticator}", {"enable_auth_state": True})
    chart.render(merged(at("identity.provider", "authState"), kept))


def test_a_null_is_no_value(chart: Chart) -> None:
    chart.render({"jupyterhub": {"singleuser": {"uid": None, "fsGid": None, "cmd": None}}})


def _leaves(values: dict[str, Any], path: str = "") -> list[str]:
    found: list[str] = []
    for key, value in values.items():
        here = f"{path}{key}"
        found += _leaves(value, f"{here}.") if isinstance(value, dict) and value and here not in FREE else [here]
    return found


def test_each_key_of_upstreams_singleuser_is_the_plans_or_the_sites() -> None:
    if not UPSTREAM.exists():
        pytest.skip("upstream's values are not at hand (../shared/z2jh-4.4.0)")
    values = yaml.safe_load((UPSTREAM / "values.yaml").read_text())["singleuser"]
    owned = {path.removeprefix("singleuser.") for path in OWNED}
    missing = [leaf for leaf in _leaves(values) if not any(leaf.startswith(key) for key in owned | FREE)]
    assert missing == []


@pytest.mark.parametrize("path", OWNED)
def test_the_value_that_passes_is_the_default(chart: Chart, path: str) -> None:
    ours = yaml.safe_load((ROOT / "chart/values.yaml").read_text())["jupyterhub"]
    upstream = yaml.safe_load((chart.folder / "charts/jupyterhub/values.yaml").read_text())
    default = look_up(merged(upstream, ours), path)
    assert default is None or default == _table()[path][0]


# All in one rendering, since helm names every key that its schema refuses.
TWICE = at("courses.existingConfigMaps", ["x", "x", "../x"])
MISTAKES: dict[str, tuple[Values, str]] = {
    "an unknown key": ({"timezon": "UTC"}, "'timezon'"),
    "an unknown key below": ({"general": {"imgae": "x"}}, "at '/general': additional properties 'imgae' not allowed"),
    "an unknown storage": ({"storage": {"smb": {}}}, "at '/storage': additional properties 'smb' not allowed"),
    "an unknown key of upstream": (at("jupyterhub.hubb", {}), "additional properties 'hubb' not allowed"),
    "timezone": ({"timezone": 2}, "at '/timezone': got number, want string"),
    "minimumUid": ({"minimumUid": "1000"}, "at '/minimumUid': got string, want integer"),
    "admins": ({"admins": ["Anna B"]}, "at '/admins/0': 'Anna B' does not match pattern"),
    "images": ({"images": {"r": {"tag": 1}}}, "at '/images/r': additional properties 'tag' not allowed"),
    "Y15 an image without a tag": (
        {"images": {"s": "evil.example/x"}},
        "at '/images/s': 'evil.example/x' does not match",
    ),
    "Y15 the latest image": ({"images": {"t": "x:latest"}}, "at '/images/t': 'not' failed"),
    "the name of an image": ({"images": {"Py thon": "x"}}, "at '/images': additional properties 'Py thon'"),
    "groups": ({"groups": {"teaching": "5001"}}, "at '/groups/teaching': got string, want integer"),
    "a gid of the system": ({"groups": {"root": 0}}, "at '/groups/root': minimum: got 0, want 1,000"),
    "cpu": (at("general.resources.cpu", "1"), "at '/general/resources/cpu': got string, want number"),
    "memory": (at("general.resources.memory", "2 GB"), "at '/general/resources/memory': '2 GB' does not match"),
    "maximum": (at("maximum.memory", 4), "at '/maximum/memory': got number, want string"),
    "provider": (at("identity.provider", "ad"), "at '/identity/provider': value must be one of 'file', 'ldap', 'nss'"),
    "an LDAP server": (at("identity.ldap.servers", ["ldap1"]), "at '/identity/ldap/servers/0': 'ldap1' does not match"),
    "a password in values": (
        at("identity.ldap.password", "x"),
        "at '/identity/ldap': additional properties 'password'",
    ),
    "a cache for ever": (at("identity.cache", -1), "at '/identity/cache': minimum: got -1, want 0"),
    "no uid": (at("identity.file.people.anna", {"gid": 2000}), "people/anna': missing property 'uid'"),
    "a person's name": (at("identity.file.people", {"../x": {}}), "people': additional properties '../x' not allowed"),
    "a version of NFS": (
        at("storage.nfs.version", 2),
        "at '/storage/nfs/version': value must be one of 3, 4, 4.1, 4.2",
    ),
    "two options in one": (at("storage.nfs.mountOptions", ["a,b"]), "mountOptions/0': 'a,b' does not match pattern"),
    "a relative path": (at("storage.nfs.path", "export"), "at '/storage/nfs/path': 'export' does not match"),
    "rules of a policy": ({"network": {"egress": "all"}}, "at '/network/egress': got string, want array"),
    "a range not as text": (at("network.campus", [10]), "at '/network/campus/0': got number, want string"),
    "a name of a DNS": (at("network.dns", {"A.b": {}}), "at '/network/dns': additional properties 'A.b' not allowed"),
    "a port of no number": (
        at("network.dns.a.ports", ["dns"]),
        "at '/network/dns/a/ports/0': got string, want integer",
    ),
    "a port too high": (
        at("network.hub.ports", [65536]),
        "at '/network/hub/ports/0': maximum: got 65,536, want 65,535",
    ),
    "no port of the API server": (at("network.apiServer.ports", []), "at '/network/apiServer/ports': minItems: got 0"),
    "activityInterval": (at("servers.activityInterval", 0), "at '/servers/activityInterval': minimum: got 0"),
    "noticesInterval": (at("servers.noticesInterval", 0), "at '/servers/noticesInterval': minimum: got 0"),
    "cull": ({"cull": {"idle": "soon"}}, "at '/cull/idle': 'soon' does not match pattern"),
    "a time that is never over": (at("cull.maxAge", 0), "at '/cull/maxAge': got number, want string"),
    "a ConfigMap's name": (TWICE, "at '/courses/existingConfigMaps/2': '../x' does not match pattern"),
    "a ConfigMap twice": (TWICE, "at '/courses/existingConfigMaps': items at 0 and 1 are equal"),
    "a course file's name": ({"courses": {"files": {"M.yaml": ""}}}, "at '/courses/files': additional properties 'M.y"),
    "courses not as text": (at("courses.files.main", {}), "at '/courses/files/main': got object, want string"),
    "acknowledgePlainHttp": ({"acknowledgePlainHttp": "yes"}, "at '/acknowledgePlainHttp': got string, want boolean"),
}


@pytest.fixture(scope="module")
def complaints(chart: Chart) -> str:
    """What helm says to all mistakes at once."""
    values: dict[str, Any] = {}
    for mistake, _ in MISTAKES.values():
        values = merged(values, mistake)
    return chart.refusal(values)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_an_unknown_key_or_a_wrong_type_is_named(complaints: str, mistake: str) -> None:
    assert MISTAKES[mistake][1] in complaints


@pytest.mark.parametrize("values", [{"timezon": "UTC"}, at("jupyterhub.hubb", {})], ids=["ours", "upstream's"])
def test_one_unknown_key_is_enough(chart: Chart, values: Values) -> None:
    assert "not allowed" in chart.refusal(values)


def test_the_least_site_is_the_least(chart: Chart) -> None:
    for key in ("images", "general", "storage", "network", "acknowledgePlainHttp"):
        values = {name: value for name, value in SITE.items() if name != key}
        assert "These values cannot work" in chart.refusal(values, bare=True), f"{key} is not needed"


def test_a_refusal_renders_nothing(chart: Chart) -> None:
    with pytest.raises(RenderError):
        chart.render({"storage": {"nfs": None}})
