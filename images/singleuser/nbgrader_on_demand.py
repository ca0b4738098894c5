"""nbgrader's server extensions, each loaded by the first request for one of its pages.

Importing nbgrader takes a quarter of a server's start, and most sessions never ask for it. A role's config names them:
{"NbgraderOnDemand": {"extensions": ["assignment_list"]}}.
"""

import re
from importlib import import_module

from jupyter_server.serverapp import ServerApp
from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher, Rule, RuleRouter

PAGES = {
    "assignment_list": r"assignments(/(fetch|submit|fetch_feedback))?|courses|nbgrader_version",
    "course_list": r"formgraders|nbgrader_version",
    "formgrader": r"formgrader(/.*)?",
    "validate_assignment": r"assignments/validate|nbgrader_version",
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
            module = import_module(f"nbgrader.server_extensions.{self.extension}")
            module.load_jupyter_server_extension(self.app)


def _load_jupyter_server_extension(app: ServerApp) -> None:
    for extension in app.config.NbgraderOnDemand.get("extensions", []):
        app.web_app.default_router.rules.insert(-1, Rule(FirstRequest(app, extension), RuleRouter()))


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "nbgrader_on_demand"}]
