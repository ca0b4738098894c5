"""A plan as KubeSpawner's traits; the pods that they make are in tests/unit/hub/test_hooks.py."""

from coursehub.config.profiles import parse
from coursehub.servers import access, plan
from coursehub.servers.traits import traits

from tests.support import TODAY, catalog, site
from tests.unit.conftest import FRAME
from tests.unit.pods import CELLS


def test_every_role_sets_the_same_traits_so_none_stays_from_an_earlier_server() -> None:
    names = set()
    for cell in CELLS.values():
        profile = parse(cell.profile)
        assert profile
        course = access.decide(cell.person, profile, catalog(cell.courses), TODAY)
        names.add(frozenset(traits(plan.make(cell.person, profile, course, site(), TODAY), FRAME)))
    assert len(names) == 1
