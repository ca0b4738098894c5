"""nbgrader's server extensions, each loaded by the first request for one of its pages.

Importing nbgrader takes a quarter of a server's start, and most sessions never ask for it. A role's config names them:
{"NbgraderOnDemand": {"extensions": ["assignment_list"]}}; with {"archived": true} Formgrader's address says why it is
off, and where nbgrader's settings cannot be read, all of its pages say so.
"""

import re
from importlib import import_module

from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.serverapp import ServerApp
from tornado import web
from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher, Rule, RuleRouter

PAGES = {
    "assignment_list": r"assignments(/(fetch|submit|fetch_feedback))?|courses|nbgrader_version",
    "formgrader": r"formgrader(/.*)?",
    "validate_assignment": r"assignments/validate|nbgrader_version",
}
ARCHIVED = "This course is archived, so Formgrader is off. All its files can be read in /course."
# What is ours in place of nbgrader's.
MODULES = {
    "assignment_list": "nbgrader_assignment_list",
    "formgrader": "nbgrader_formgrader",
}


class FirstRequest(Matcher):
    """Never matches: it adds the extension's own routes behind itself, and the router goes on to those."""

    def __init__(self, app: ServerApp, extension: str) -> None:
        self.app = app
        self.extension = extension
        self.page = re.compile(re.escape(app.base_url) + f"({PAGES[extension]})")
        self.loaded = False

    def match(self, request: HTTPServerRequest) -> None:
        if not self.loaded and self.page.fullmatch(request.path):
            self.loaded = True
            import_module("nbgrader_trusted").restrict()
            if why := import_module("nbgrader_trusted").unread():
                _say(self.app, self.extension, 500, why)
                return
            module = import_module(MODULES.get(self.extension, f"nbgrader.server_extensions.{self.extension}"))
            module.load_jupyter_server_extension(self.app)


class Off(JupyterHandler):  # type: ignore[misc] # jupyter_server's handlers are untyped here
    """What stands at the address of a page that is off."""

    def initialize(self, status: int, why: str) -> None:
        """What it answers, and says."""
        self.status, self.why = status, why

    @web.authenticated
    def get(self, *_: str | None) -> None:
        """Refuses, with what is left to do."""
        raise web.HTTPError(self.status, self.why)

    post = get


class OffForPrograms(Off, APIHandler):  # type: ignore[misc] # jupyter_server's handlers are untyped here
    """The same, for what JupyterLab asks for."""


def _load_jupyter_server_extension(app: ServerApp) -> None:
    settings = app.config.NbgraderOnDemand
    if settings.get("archived"):
        _say(app, "formgrader", 403, ARCHIVED)
    for extension in settings.get("extensions", []):
        app.web_app.default_router.rules.insert(-1, Rule(FirstRequest(app, extension), RuleRouter()))


def _say(app: ServerApp, extension: str, status: int, why: str) -> None:
    page = f"{re.escape(app.base_url)}(?:{PAGES[extension]})"
    handler = Off if extension == "formgrader" else OffForPrograms
    app.web_app.add_handlers(".*$", [(page, handler, {"status": status, "why": why})])


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "nbgrader_on_demand"}]
