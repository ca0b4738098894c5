"""A plan as KubeSpawner's traits; the pods that they make are in tests/unit/hub/test_hooks.py."""

from dataclasses import replace

from coursehub.config.profiles import parse
from coursehub.servers import access, plan
from coursehub.servers.traits import traits

from tests.support import SITE, TODAY, catalog, site
from tests.unit.conftest import FRAME
from tests.unit.pods import CELLS


def test_what_the_site_says_itself_of_nodes_that_do_not_answer_goes_before() -> None:
    cell = CELLS["general use"]
    profile = parse(cell.profile)
    assert profile
    planned = plan.make(cell.person, profile, None, site(SITE + "servers: {nodeTimeout: 45}\n"), TODAY)
    assert [each["tolerationSeconds"] for each in traits(planned, FRAME)["tolerations"]] == [45, 45]
    own = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}
    said = traits(planned, replace(FRAME, tolerations=(own,)))["tolerations"]
    assert said == [own, {**own, "key": "node.kubernetes.io/not-ready", "tolerationSeconds": 45}]


def test_a_toleration_without_a_key_is_about_these_nodes_too_and_one_without_eviction_is_not() -> None:
    cell = CELLS["general use"]
    profile = parse(cell.profile)
    assert profile
    planned = plan.make(cell.person, profile, None, site(SITE), TODAY)
    everything: dict[str, object] = {"operator": "Exists"}
    assert traits(planned, replace(FRAME, tolerations=(everything,)))["tolerations"] == [everything]
    placed = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoSchedule"}
    kept = traits(planned, replace(FRAME, tolerations=(placed,)))["tolerations"]
    assert [each.get("tolerationSeconds") for each in kept] == [None, 120, 120]


def test_every_role_sets_the_same_traits_so_none_stays_from_an_earlier_server() -> None:
    names = set()
    for cell in CELLS.values():
        profile = parse(cell.profile)
        assert profile
        course = access.decide(cell.person, profile, catalog(cell.courses), TODAY)
        names.add(frozenset(traits(plan.make(cell.person, profile, course, site(), TODAY), FRAME)))
    assert len(names) == 1
