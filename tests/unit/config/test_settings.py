"""The site's values: the hub's part of the chart's keys, frozen."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from coursehub.config import durations, settings
from coursehub.errors import InvalidFile
from coursehub.limits import Limit
from coursehub.names import PERSON_RULE

from tests.support import SITE, site

ROOT = Path(__file__).parents[3]
MINIMAL = "images: {python: x:1}\ngeneral: {image: python}\n"
# Keys of the chart that its templates read, and the hub never sees.
CHART_ONLY = {
    *(
        "storage",
        "fixedIds",
        "courses",
        "monitoring",
        "network",
        "corePriority",
        "acknowledgePlainHttp",
        "acknowledgeOneOrigin",
        "jupyterhub",
    ),
}


def mistakes(*values: str) -> list[str]:
    with pytest.raises(InvalidFile) as invalid:
        settings.load([(f"{number}.yaml", text) for number, text in enumerate(values)])
    return [str(problem) for problem in invalid.value.problems]


def test_the_defaults_are_the_charts_key_by_key() -> None:
    chart: dict[str, Any] = yaml.safe_load((ROOT / "chart" / "values.yaml").read_text())
    # What the chart makes of storage.provisioner, monitoring.spawnTest, and of where upstream's values turn TLS on.
    written = {"version", "provisioner", "spawnTest", "certificate", "probe"}
    assert set(chart) == settings.KEYS - written | CHART_ONLY
    ours = settings.load([("site.yaml", MINIMAL)]).model_dump(by_alias=True)
    # These two must be given; everything else has a default in both places.
    assert chart["general"].pop("image") == ""
    assert ours["general"].pop("image") == "python"
    assert chart.pop("images") == {}
    assert ours.pop("images") == {"python": "x:1"}
    assert ours["general"]["resources"].pop("node") is None
    assert all(ours.pop(key) is None for key in written)
    assert ours["general"]["resources"]["guarantee"].pop("scratch") is None
    for amount in (chart["maximum"], chart["general"]["resources"], chart["general"]["resources"]["guarantee"]):
        for name in amount.keys() & {"memory", "scratch"}:
            amount[name] = int(amount[name][:-1]) * {"M": 2**20, "G": 2**30}[amount[name][-1]]
    for limit in ("idle", "maxAge"):
        ours["cull"][limit] = durations.text(ours["cull"][limit])
    for span in ("lead", "keep"):
        ours["classes"][span] = durations.text(ours["classes"][span])
    for usual in ("home", "course"):
        ours["quotas"][usual] = {key: value for key, value in ours["quotas"][usual].items() if value is not None}
    expected = {key: value for key, value in chart.items() if key in settings.KEYS}
    assert plain(ours) == expected


def test_n9_where_a_site_takes_the_bounds_of_scratch_away_the_usual_ones_hold() -> None:
    given = "images: {python: x:1}\ngeneral: {image: python, resources: {scratch: 2G}}\nmaximum: {scratch: 4G}\n"
    taken = "general: {resources: {scratch: null}}\nmaximum: {scratch: null}\n"
    read = settings.load([("chart.yaml", given), ("site.yaml", taken)])
    assert (read.general.resources.scratch, read.maximum.scratch) == (10 * 2**30, 50 * 2**30)


def plain(value: Any) -> Any:
    """With lists for tuples, as YAML has them."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, tuple | list) else value


@pytest.mark.parametrize("path", sorted((ROOT / "values").glob("*.yaml")), ids=lambda path: path.name)
def test_each_values_file_of_the_repository_is_valid(path: Path) -> None:
    if path.name != "courses.yaml":
        settings.load([(path.name, path.read_text())])


def test_the_tests_site_is_read() -> None:
    read = site()
    assert str(read.zone) == "Europe/Helsinki"
    assert read.identity.file.people["peter"].groups == ("data-analysis",)
    assert read.maximum.memory == 8 * 2**30


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param("timezon: UTC", "0.yaml:3:1: ", id="keys of others are passed over"),
        pytest.param(
            "timezone: Helsinki",
            "0.yaml:3:11: timezone: 'Helsinki' is no time zone; write one as Europe/Helsinki",
            id="time zone",
        ),
        pytest.param(
            "timezone: ../UTC",
            "0.yaml:3:11: timezone: '../UTC' is no time zone; write one as Europe/Helsinki",
            id="path",
        ),
        pytest.param("minimumUid: 0", "0.yaml:3:13: minimumUid: write 1 or more, not 0", id="uid 0"),
        pytest.param("minimumUid: '5'", "0.yaml:3:13: minimumUid: write a whole number, not '5'", id="uid as text"),
        pytest.param("admins: anna", "0.yaml:3:9: admins: write a list: [anna]", id="no list"),
        pytest.param(
            "admins: [root/x]",
            f"0.yaml:3:10: admins.0: 'root/x' is no login name: {PERSON_RULE}; write the name that the hub shows",
            id="name",
        ),
        pytest.param("groups: {a: 0}", "0.yaml:3:13: groups.a: write 1000 or more, not 0", id="group 0"),
        pytest.param(
            "groups: {'a,0:root': 5000}",
            "0.yaml:3:22: groups.a,0:root: write a unix group's name of letters, digits, '.', '_' and '-', "
            "not 'a,0:root'",
            id="group's name",
        ),
        pytest.param(
            "identity: {provider: ad}",
            "0.yaml:3:22: identity.provider: write 'file', 'ldap', 'nss' or 'authState', not 'ad'",
            id="provider",
        ),
        pytest.param(
            "identity: {provider: ldap}",
            "0.yaml:3:22: identity.ldap: none is given, and identity.provider is ldap; add identity.ldap with "
            "servers and users",
            id="no ldap",
        ),
        pytest.param(
            "identity: {ldap: {servers: [ldap1], users: {base: dc=x}}}",
            "0.yaml:3:29: identity.ldap.servers.0: 'ldap1' is no LDAP server; write one as ldaps://ldap.example.edu",
            id="no URL",
        ),
        pytest.param(
            "identity: {ldap: {servers: [], users: {base: dc=x}}}",
            "0.yaml:3:28: identity.ldap.servers: write one server at least, as ldaps://ldap.example.edu",
            id="no server",
        ),
        pytest.param(
            "identity: {ldap: {servers: ['ldaps://a'], users: {base: dc=x, filter: (uid=anna)}}}",
            "0.yaml:3:71: identity.ldap.users.filter: '(uid=anna)' is no filter for one person; "
            "write one in brackets that holds {name}",
            id="a filter without the name",
        ),
        pytest.param(
            "identity: {ldap: {servers: ['ldaps://a'], users: {base: dc=x}, password: x}}",
            "0.yaml:3:64: unknown key 'password'; did you mean 'passwordFile'?",
            id="a password",
        ),
        pytest.param(
            "usage: {provider: prometheus}",
            "0.yaml:3:19: usage.prometheus: none is given, and usage.provider is prometheus; add usage.prometheus "
            "with url",
            id="no Prometheus",
        ),
        pytest.param(
            "usage: {prometheus: {url: 'ftp://x'}}",
            "0.yaml:3:27: usage.prometheus.url: 'ftp://x' is no address of a Prometheus; "
            "write one as http://prometheus.monitoring.svc:9090",
            id="no Prometheus' address",
        ),
        pytest.param(
            "usage: {prometheus: {url: 'http://x', homes: {'a\"b': c}}}",
            "0.yaml:3:54: usage.prometheus.homes.a\"b: write the name of a label, not 'a\"b'",
            id="no label",
        ),
        pytest.param("usage: {warn: 0}", "0.yaml:3:15: usage.warn: write 1 or more, not 0", id="always warned"),
        pytest.param("identity: {timeout: 0}", "0.yaml:3:21: identity.timeout: write 0.1 or more, not 0", id="timeout"),
        pytest.param(
            "identity: {file: {peopl: {}}}", "0.yaml:3:19: unknown key 'peopl'; did you mean 'people'?", id="nested key"
        ),
        pytest.param(
            "identity: {file: {people: {anna: {uid: 5}}}}", "0.yaml:3:28: 'gid' is missing; add it", id="no gid"
        ),
        pytest.param(
            "identity: {file: {people: {anna: {uid: 5, gid: 5000, groups: [x]}}}}",
            "0.yaml:3:63: identity.file: anna is in group 'x', which identity.file.groups does not have; add it",
            id="no such group",
        ),
        pytest.param(
            "servers: {activityInterval: 1}",
            "0.yaml:3:29: servers.activityInterval: write 5 or more, not 1",
            id="interval",
        ),
        pytest.param(
            "servers: {nodeTimeout: -1}", "0.yaml:3:24: servers.nodeTimeout: write 0 or more, not -1", id="node timeout"
        ),
        pytest.param("maximum: {gpu: 1}", "0.yaml:3:11: unknown key 'gpu'; did you mean 'cpu'?", id="maximum"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_remedy(values: str, message: str) -> None:
    if message.endswith(": "):
        settings.load([("0.yaml", MINIMAL + values)])
    else:
        assert mistakes(MINIMAL + values) == [message]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("images: {python: x:1}", "0.yaml:1:1: 'general' is missing; add it"),
        (
            "images: {r: x:1}\ngeneral: {image: python}",
            "0.yaml:2:18: general.image: python is not in images; write one of r, or add it there",
        ),
        (
            MINIMAL.replace("python}\n", "python, groups: [x]}\n"),
            "0.yaml:2:35: general.groups names 'x', which groups does not have; add it there",
        ),
        (
            MINIMAL.replace("python}\n", "python, resources: {node: gpu}}\n"),
            "0.yaml:2:44: general.resources.node is 'gpu', which nodes does not have; add it there",
        ),
        (
            MINIMAL + "identity:\n  ldap: {servers: ['ldaps://a'], users: {base: dc=x}, passwordFile: /x}\n",
            "0.yaml:4:69: identity.ldap: passwordFile is the password of bindDn, which is not given; give both, or "
            "neither to ask anonymously",
        ),
    ],
    ids=["no general", "no such image", "no such group", "no such nodes", "a password for nobody"],
)
def test_what_belongs_together_is_checked_together(values: str, message: str) -> None:
    assert message in mistakes(values)


def test_a_later_file_goes_over_the_earlier_ones_as_in_helm() -> None:
    read = settings.load([("a.yaml", SITE), ("b.yaml", "general: {image: r}\nadmins: [anna]\nmaximum: {cpu: 1}\n")])
    assert (read.general.image, read.general.groups) == ("r", ("teaching",))
    assert read.admins == ("anna",)
    assert (read.maximum.cpu, read.maximum.memory) == (1.0, 8 * 2**30)


def test_null_in_a_later_file_takes_a_key_away_as_in_helm() -> None:
    assert settings.load([("a.yaml", SITE), ("b.yaml", "admins: null\ntimezone:\n")]).admins == ()


def test_a_mistake_in_the_second_file_is_told_there() -> None:
    assert mistakes(SITE, "minimumUid: x\n") == ["1.yaml:1:13: minimumUid: write a whole number, not 'x'"]


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        site().timezone = "UTC"


def test_limits_of_a_home_and_a_course_by_name_go_over_the_usual_ones() -> None:
    quotas = settings.load(
        [
            (
                "site.yaml",
                f"{MINIMAL}quotas:\n  home: {{size: 10G, files: 1000}}\n  people:\n    maria: {{size: 20G}}\n",
            )
        ]
    ).quotas
    assert quotas.people["maria"].over(quotas.home) == Limit(20 * 2**30, 1000)
    assert not quotas.course.over(quotas.course)


@pytest.mark.parametrize("size", ["10", "10GB", "-1G", "0G"])
def test_a_limit_without_a_unit_or_of_nothing_is_refused(size: str) -> None:
    assert "quotas" in "".join(mistakes(f"{MINIMAL}quotas: {{home: {{size: {size}}}}}\n"))


NOBODYS = "autograding: {uid: 65000}\n"
PERSON = "identity: {file: {groups: {g: 65002}, people: {maria: {uid: 65001, gid: 65003}}}}\n"
LDAP_GROUP = "identity: {ldap: {servers: ['ldaps://a'], users: {base: a}, groups: {base: a, gids: {g: 65000}}}}\n"


@pytest.mark.parametrize(
    ("text", "whose"),
    [
        pytest.param(PERSON.replace("65001", "65000"), "maria's", id="a person's uid"),
        pytest.param(PERSON.replace("65003", "65000"), "maria's", id="a person's gid"),
        pytest.param(PERSON.replace("65002", "65000"), "the group 'g''s", id="a group's of people"),
        pytest.param("groups: {g: 65000}\n", "the group 'g''s", id="a group's that servers get"),
        pytest.param("identity: {authState: {gids: {g: 65000}}}\n", "the group 'g''s", id="a group's of claims"),
        pytest.param(LDAP_GROUP, "the group 'g''s", id="a group's of LDAP"),
    ],
)
def test_f17_what_executes_submissions_is_nobody_else(text: str, whose: str) -> None:
    (mistake,) = mistakes(MINIMAL + NOBODYS + text)
    wanted = f"autograding.uid is 65000, which is {whose} too, and has to be nobody's; write another"
    assert mistake == f"0.yaml:3:20: {wanted}"
    assert settings.load([("0.yaml", MINIMAL + text)]).autograding.uid == 65533


@pytest.mark.parametrize("uid", [65534, 65535])
def test_f17_what_executes_submissions_is_not_whom_file_servers_distrust(uid: int) -> None:
    (mistake,) = mistakes(f"{MINIMAL}autograding: {{uid: {uid}}}\n")
    assert f"file servers take {uid} for whom they do not trust; write another, such as 65533" in mistake
