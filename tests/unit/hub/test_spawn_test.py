"""The hub's side of the spawn test: what it says that a server has to be; tests/hub has the rest."""

from coursehub.config.profiles import Profile, Role
from coursehub.hub.spawn_test import view
from coursehub.servers import plan
from coursehub.spawntest.rules import ServerView

from tests.support import MARIA, TODAY, catalog, site


def test_what_is_expected_is_the_plan() -> None:
    profile = Profile(Role.STUDENT, "python-intro")
    planned = plan.make(MARIA, profile, catalog().courses["python-intro"], site(), TODAY)
    assert view(planned) == ServerView(
        uid=20001,
        gid=20001,
        groups=frozenset({20001, 70001}),
        mounts={
            "/home/maria": False,
            "/run/coursehub": False,
            "/srv/nbgrader/exchange/python-intro": False,
            "/coursedata": True,
        },
    )
