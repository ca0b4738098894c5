"""Who the owner of a server is."""

from coursehub.hub.accounts import Accounts
from coursehub.people.directory import People

from tests.support import PETER, site
from tests.unit.conftest import LOG, Spawner


async def test_groups_of_jupyterhub_are_the_persons_too(spawner: Spawner) -> None:
    person = await Accounts(People(LOG)).owner(spawner(PETER), site())
    assert person.group_names == {"data-analysis", "everyone"}
