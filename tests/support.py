"""One small site that every kind of test uses: its values, its courses, its people."""

from datetime import date
from functools import cache
from textwrap import dedent

from coursehub.config import catalog as courses
from coursehub.config import settings
from coursehub.config.catalog import Catalog
from coursehub.config.course import Course
from coursehub.config.settings import Settings
from coursehub.person import Group, Person

TODAY = date(2026, 10, 1)

SITE = """\
timezone: Europe/Helsinki
minimumUid: 20000
admins: [sofia]
images:
  python: registry.example/python:1
  r: registry.example/r:1
  history:
    2026-02-01: registry.example/history:1
    2026-08-15: registry.example/history:2
groups: {teaching: 70001, licensed: 70002, staff: 70003}
courseGids: {minimum: 70100, maximum: 79999}
courseEnvironment: [OMP_NUM_THREADS]
nodes:
  gpu:
    nodeSelector: {kind: gpu}
    tolerations: [{key: gpu, operator: Exists, effect: NoSchedule}]
    devices: {nvidia.com/gpu: 1}
general:
  image: python
  groups: [teaching]
  resources: {cpu: 1, memory: 2G, guarantee: {cpu: 0.1, memory: 512M}}
maximum: {cpu: 4, memory: 8G}
identity:
  file:
    groups: {python-intro: 70101, data-analysis: 70102, old-course: 70103}
    people:
      maria: {uid: 20001, gid: 20001}
      jonas: {uid: 20002, gid: 20002}
      anna: {uid: 30001, gid: 30001}
      peter: {uid: 30002, gid: 30002, groups: [data-analysis]}
      sofia: {uid: 30003, gid: 30003}
      daemon: {uid: 999, gid: 20100}
"""

COURSES = """\
courses:
  python-intro:
    name: Introduction to Programming
    gid: 70101
    instructors: [anna]
    students: everyone
    data: read-only
    resources: {cpu: 2, memory: 4G}
  data-analysis:
    name: Data Analysis
    gid: 70102
    students: [maria]
    data: read-write
    image: r
  statistics-lab:
    name: Statistics Lab
    instructors: [anna]
    students: everyone
  old-course:
    name: Old Course
    gid: 70103
    instructors: [anna]
    students: everyone
    data: read-only
    archive: 2026-06-30
"""

MARIA = Person("maria", 20001, 20001)
JONAS = Person("jonas", 20002, 20002)
ANNA = Person("anna", 30001, 30001)
PETER = Person("peter", 30002, 30002, (Group("data-analysis", 70102),))
SOFIA = Person("sofia", 30003, 30003, admin=True)


@cache
def site(values: str = SITE) -> Settings:
    """The settings in `values`."""
    return settings.load([("site.yaml", values)])


@cache
def catalog(text: str = COURSES) -> Catalog:
    """The courses in `text`, which holds no mistake."""
    loaded = courses.load([("courses.yaml", text)], site())
    assert not loaded.problems, "\n".join(map(str, loaded.problems))
    return loaded.catalog


def course(text: str) -> Course:
    """The course `c` whose keys are in `text`."""
    return catalog(
        "courses:\n  c:\n    name: C\n" + "".join(f"    {line}\n" for line in dedent(text).splitlines())
    ).courses["c"]
