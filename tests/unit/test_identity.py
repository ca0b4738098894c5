"""Who somebody is to the operating system, and who may never have a server."""

import pytest
from coursehub import identity
from coursehub.errors import Refused
from coursehub.identity import Group, Person

from tests.support import site


class Directory:
    """A directory that answers with one person, or not at all."""

    def __init__(self, answer: Person | Exception | None) -> None:
        self._answer = answer
        self.asked: list[str] = []

    async def find(self, name: str) -> Person | None:
        """See identity.Provider.find."""
        self.asked.append(name)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


async def test_a_known_person_comes_with_uid_gid_and_groups() -> None:
    settings = site()
    person = await identity.look_up(identity.provider(settings), "peter", settings)
    assert person == Person("peter", 30002, 30002, (Group("data-analysis", 70102),))
    assert person.gids == {30002, 70102}


async def test_an_admin_of_the_site_is_one() -> None:
    settings = site()
    assert (await identity.look_up(identity.provider(settings), "sofia", settings)).admin
    assert not (await identity.look_up(identity.provider(settings), "anna", settings)).admin


@pytest.mark.parametrize("name", ["root", "nobody", "stranger"])
async def test_i1_who_is_not_in_the_directory_is_refused_and_told_what_to_do(name: str) -> None:
    settings = site()
    with pytest.raises(Refused, match=r"is not known in the university's directory.*contact the administrators"):
        await identity.look_up(identity.provider(settings), name, settings)


@pytest.mark.parametrize(
    ("uid", "refused"), [(0, True), (1, True), (19999, True), (20000, False), (65534, False)], ids=str
)
async def test_i1_a_uid_below_the_sites_minimum_is_refused(uid: int, refused: bool) -> None:
    source = Directory(Person("anna", uid, 5000))
    if refused:
        with pytest.raises(Refused, match=r"is a system account .uid .* Please use your personal account"):
            await identity.look_up(source, "anna", site())
    else:
        assert (await identity.look_up(source, "anna", site())).uid == uid


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "a b", "a%2f", "a\n", "-x", "x" * 300, "\u0430nna", "", "0", "Anna"], ids=ascii
)
async def test_i2_the_directory_is_not_even_asked_for_an_unsafe_name(name: str) -> None:
    source = Directory(Person("anna", 30001, 30001))
    with pytest.raises(Refused, match=r"cannot have a server here. Please contact the administrators"):
        await identity.look_up(source, name, site())
    assert not source.asked


async def test_i5_an_answer_about_somebody_else_is_refused() -> None:
    with pytest.raises(Refused, match="contact the administrators"):
        await identity.look_up(Directory(Person("root2", 30009, 30009)), "anna", site())


async def test_a_directory_cannot_make_somebody_an_admin() -> None:
    source = Directory(Person("anna", 30001, 30001, admin=True))
    assert not (await identity.look_up(source, "anna", site())).admin


async def test_a_directory_that_does_not_answer_refuses_in_a_sentence() -> None:
    with pytest.raises(Refused, match=r"does not answer.*try again"):
        await identity.look_up(Directory(OSError("connection refused")), "anna", site())
