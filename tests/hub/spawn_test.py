"""The spawn test, turned on."""

from tests.hub.conftest import SITE, uid_of

UID = uid_of("spawntest")
ON = SITE.replace("    people:\n", f"    people:\n      spawntest: {{uid: {UID}, gid: {UID}}}\n")
ON += "spawnTest: {person: spawntest}\n"
