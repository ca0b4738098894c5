"""The volume at --root, and what the site's files want on it."""

import os
from pathlib import Path

import pytest
from coursehub.cli import volume
from coursehub.errors import Refused

from tests.support import catalog, site


def test_what_is_made_on_the_volume_is_nobody_elses_until_it_is_given_away(root: Path) -> None:
    assert volume.mounted(root).root == root
    assert os.umask(0o022) == 0o077


def test_a_place_where_nothing_is_mounted_is_refused(files: Path) -> None:
    with pytest.raises(Refused, match=r"site\.yaml is no directory; mount the volume there first"):
        volume.mounted(files / "site.yaml")


def test_each_course_with_a_gid_has_directories(files: Path) -> None:
    found = {tree.slug: tree.gid for tree in volume.trees(site(), catalog())}
    assert found["python-intro"] == 70101
    assert "statistics-lab" not in found


def test_the_people_of_the_values_have_homes_and_those_of_another_directory_are_not_known_here() -> None:
    assert volume.people(site())["maria"] == (20001, 20001)
    elsewhere = site().model_copy(update={"identity": site().identity.model_copy(update={"provider": "nss"})})
    assert volume.people(elsewhere) == {}
