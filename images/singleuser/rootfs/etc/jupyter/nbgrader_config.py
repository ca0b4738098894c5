"""One course a server: the one that the pod was made for, with what the course file says under `nbgrader`."""

import json
import os
from importlib import import_module

from coursehub_process import home
from coursehub_runs import are_possible
from nbgrader_stubs import STUBS
from nbgrader_times import zone

c = get_config()  # noqa: F821  (nbgrader gives it)

c.CourseDirectory.course_id = os.environ.get("COURSEHUB_COURSE", "")
c.CourseDirectory.groupshared = True
c.Exchange.root = "/srv/nbgrader/exchange"
c.ExchangeFactory.submit = "nbgrader_submit.Submit"
c.ExchangeFactory.fetch_assignment = "nbgrader_fetch.FetchAssignment"
c.ExchangeFactory.fetch_feedback = "nbgrader_fetch.FetchFeedback"
c.ExchangeFactory.list = "nbgrader_list.List"
c.Exchange.assignment_dir = home()
c.Exchange.path_includes_course = True
c.Exchange.cache = f"{home()}/.local/share/jupyter/nbgrader_cache"

if os.environ.get("COURSEHUB_ROLE") in ("instructor", "grading"):
    c.CourseDirectory.root = "/course"
    postgresql = import_module("nbgrader_postgresql")
    if postgresql.is_asked_for():
        c.CourseDirectory.db_url = postgresql.PLACE
    c.ExportApp.plugin_class = "nbgrader_export.Export"
    c.ExchangeFactory.collect = "nbgrader_collect.Collect"
    c.ExchangeFactory.release_assignment = "nbgrader_release.ReleaseAssignment"
    c.ExchangeFactory.release_feedback = "nbgrader_release.ReleaseFeedback"
    traits = import_module("nbgrader.converters").Autograde.class_traits()
    clear, *more = traits["sanitize_preprocessors"].default()
    c.Autograde.sanitize_preprocessors = [clear, "nbgrader_handed_in.Restored", *more]
    executes = "nbgrader_apart.ExecuteElsewhere" if are_possible() else "nbgrader_execute.ExecuteApart"
    ours = {"Execute": executes, "SaveAutoGrades": "nbgrader_handed_in.Save"}
    steps = traits["autograde_preprocessors"].default()
    c.Autograde.autograde_preprocessors = [ours.get(step.__name__, step) for step in steps]
    # What is archived can only be read.
    if os.access("/course", os.W_OK):
        # One a person: several processes that write to one file over NFS take lines from each other.
        c.NbGrader.logfile = f"/course/.nbgrader-{os.environ['USER']}.log"

c.NbGraderAPI.timezone = zone()
c.ClearSolutions.code_stub = dict(STUBS)
for section, traits in json.loads(os.environ.get("COURSEHUB_NBGRADER", "{}")).items():
    for trait, value in traits.items():
        # By language: the others keep theirs.
        c[section][trait] = c[section][trait] | value if isinstance(value, dict) else value
