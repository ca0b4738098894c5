"""The command in the machine of the file server, and the files that it is given."""

from collections.abc import Mapping

from ci.nfs.agent import ROOT
from tests.nfs import inside
from tests.nfs.conftest import Volume
from tests.support import COURSES, SITE

FILES = {"site.yaml": SITE, "courses.yaml": COURSES}


SITE_AND_COURSES = ("--site", "site.yaml", "courses.yaml")


def coursehub(
    volume: Volume, *arguments: str, send: str = "", files: Mapping[str, str] = FILES
) -> tuple[int, str, str]:
    """`coursehub` as root on the storage host: its exit code, and what it says."""
    folder = volume.host.parent.with_name("site")
    return volume.machine.call(ROOT, inside.command, folder, files, arguments, send)
