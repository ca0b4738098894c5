"""A rule about two keys of the site: `helm template` and `coursehub check --site` refuse it in the same sentence."""

import pytest
import yaml
from coursehub.config import settings
from coursehub.errors import InvalidFile

from tests.chart.helm import SITE, Chart, Values, at, merged

LDAP = {"servers": ["ldaps://a"], "users": {"base": "dc=a"}}


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"general": {"image": "julia"}}, id="an image that is not there"),
        pytest.param({"courseGids": {"minimum": 79999, "maximum": 70100}}, id="gids of courses that are none"),
        pytest.param(at("identity.provider", "ldap"), id="no LDAP directory"),
        pytest.param(at("identity.ldap", LDAP | {"passwordFile": "/a"}), id="a password without an LDAP name"),
        pytest.param(at("usage.provider", "prometheus"), id="no Prometheus"),
        pytest.param(
            {"courseGids": {"minimum": 60000, "maximum": 65533}, "autograding": {"uid": 65533}}, id="a course's gid"
        ),
    ],
)
def test_helm_and_the_command_refuse_in_one_sentence(chart: Chart, values: Values) -> None:
    with pytest.raises(InvalidFile) as invalid:
        settings.load([("site.yaml", yaml.safe_dump(merged(SITE, values)))])
    (problem,) = invalid.value.problems
    assert f"\n- {problem.message}.\n" in chart.refusal(values) + "\n"


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"identity": {"provider": "ldap", "ldap": LDAP}}, id="asked anonymously"),
        pytest.param(at("identity.ldap", LDAP | {"bindDn": "cn=a"}), id="asked with the Secret's password"),
        pytest.param(at("identity.ldap", LDAP | {"bindDn": "cn=a", "passwordFile": "/a"}), id="asked with a password"),
        pytest.param({"identity": {"ldap": LDAP | {"bindDn": None}}}, id="a name that is null"),
        pytest.param({"usage": {"provider": "prometheus", "prometheus": {"url": "http://a:9090"}}}, id="a Prometheus"),
    ],
)
def test_what_keeps_the_rules_passes_both(chart: Chart, values: Values) -> None:
    settings.load([("site.yaml", yaml.safe_dump(merged(SITE, values)))])
    chart.render(values)


def test_values_of_an_earlier_chart_which_have_no_autograding_break_no_rule(chart: Chart) -> None:
    chart.render({"courseGids": {"minimum": 70100, "maximum": 79999}, "autograding": None})
