"""nbgrader's Formgrader, where nothing runs of the submission that is shown.

nbgrader and nbconvert put into a page what a student wrote, as it is. So the browser is told to run only scripts with
the answer's nonce, a number that nobody knows before, and only the templates in nbgrader's own folder get it: they are
rewritten before a submission is put into them. What no such template made, a submission's own files among them, is
in a sandbox. If a new nbgrader differs, its scripts miss the nonce, and the page does not work.

Submissions are also cleaned, so that they cannot pose as a part of the page; of what is too large, or takes too long to
lay out, the text is shown. What can take long is done beside the server's loop: these pages, and what the buttons do.
"""

import asyncio
import base64
import hashlib
import json
import re
import secrets
from collections.abc import Iterator
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

from coursehub_beside import beside
from coursehub_cleaning import cleaned
from coursehub_runs import are_possible
from jinja2 import DictLoader, Environment, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context
from jupyter_server.serverapp import ServerApp
from nbconvert.exporters import TemplateExporter
from nbformat.v4 import new_notebook
from nbgrader.server_extensions import formgrader
from nbgrader.server_extensions.formgrader import apihandlers, handlers
from nbgrader.server_extensions.formgrader.base import BaseHandler, check_notebook_dir, check_xsrf
from nbgrader.server_extensions.formgrader.handlers import template_path
from nbgrader_pages import Page, in_time, small
from nbgrader_rules import sentence
from nbgrader_wording import worded
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import OutputTransform, authenticated
from traitlets.config import Config

SANDBOX = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'"
MATHJAX = "https://cdnjs.cloudflare.com/ajax/libs/mathjax/2.7.7/"
# Of a picture that has no description.
UNSAID = "No description has been provided for this image"
# nbconvert's own has its settings in a script that MathJax evaluates, which a submission could have too. A browser that
# does not get there shows formulas as they were written; nbgrader's keyboard would wait for MathJax, too.
MATHJAX_MACRO = f"""{{%- macro mathjax() -%}}
<script nonce="{{{{ script_nonce() }}}}">
window.MathJax = {{
    TeX: {{equationNumbers: {{autoNumber: "AMS", useLabelIds: true}}}},
    tex2jax: {{
        inlineMath: [["$", "$"], ["\\\\(", "\\\\)"]],
        displayMath: [["$$", "$$"], ["\\\\[", "\\\\]"]],
        processEscapes: true,
        processEnvironments: true
    }},
    displayAlign: "center",
    messageStyle: "none",
    CommonHTML: {{linebreaks: {{automatic: true}}}}
}};
</script>
<script nonce="{{{{ script_nonce() }}}}" defer src="{MATHJAX}MathJax.js?config=TeX-AMS_CHTML-full,Safe"></script>
<script nonce="{{{{ script_nonce() }}}}">
document.addEventListener("DOMContentLoaded", () => {{
    MathJax.Hub ??= {{Startup: {{signal: {{Interest: (listener) => listener("End")}}}}}};
}});
</script>
{{%- endmacro %}}"""


BUTTONS = {
    apihandlers.AssignHandler: "generate_assignment",
    apihandlers.ReleaseHandler: "release_assignment",
    apihandlers.UnReleaseHandler: "unrelease",
    apihandlers.CollectHandler: "collect",
    apihandlers.GenerateFeedbackHandler: "generate_feedback",
    apihandlers.GenerateAllFeedbackHandler: "generate_feedback",
    apihandlers.ReleaseFeedbackHandler: "release_feedback",
    apihandlers.ReleaseAllFeedbackHandler: "release_feedback",
}


@dataclass
class Answer:
    """What is known of the answer to a request; it is a page once a template of nbgrader's took the nonce."""

    nonce: str = field(default_factory=partial(secrets.token_urlsafe, 16))
    is_page: bool = False


_answer: ContextVar[Answer] = ContextVar("answer")
# Processes of buttons; what is clicked beyond that waits.
_busy = asyncio.Semaphore(4)
# Of the handlers in nbgrader's own templates, as `onclick="toggle_name(true);"`.
_handlers: set[str] = set()


class Policy(OutputTransform):
    """Has the last word on the policy of every answer below `address`."""

    def __init__(self, address: str, request: HTTPServerRequest) -> None:
        self.address = address
        self.request = request
        self.answer = Answer()
        _answer.set(self.answer)  # tornado starts the handler's task right after, which keeps it

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Sets the header; the rest stays."""
        if self.request.path.startswith(self.address):
            headers["Content-Security-Policy"] = self._policy() if self.answer.is_page else SANDBOX
        return status_code, headers, chunk

    def _policy(self) -> str:
        # 'self' would be the whole server, with files of everybody's and addresses that do something when asked.
        host = self.request.host if re.fullmatch(r"[\w.:\[\]-]+", self.request.host) else "invalid"
        here = f"{host}{self.address}"
        return "; ".join(
            (
                "default-src 'none'",
                " ".join((f"script-src 'nonce-{self.answer.nonce}' {MATHJAX} 'unsafe-hashes'", *sorted(_handlers))),
                f"style-src 'unsafe-inline' {here}/static/",
                f"font-src {here}/static/ {MATHJAX}",
                f"img-src data: {here}/static/ {here}/submissions/",
                f"connect-src {here}/api/ {here.removesuffix('formgrader')}coursehub/grading",
                "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            )
        )


class OwnScripts(Extension):
    """Marks what nbgrader's own templates run, and quotes the values that they show."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals["script_nonce"] = _script_nonce
        environment.filters["in_script"] = _in_script

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Rewrites a template of nbgrader's, and no other's."""
        if filename is None or not Path(filename).is_relative_to(template_path):
            return source
        template = Path(filename).relative_to(template_path).as_posix()
        source = worded(template, source, at_once=are_possible())
        for code in re.findall(r"""\son\w+="([^"{]*)\"""", source):
            _handlers.add(f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'")
        parts = re.split(r"(<(?:script|style)\b.*?</(?:script|style)>)", source, flags=re.DOTALL | re.IGNORECASE)
        return "".join(_rewritten(part) for part in parts)


class Made(TemplateExporter):  # type: ignore[misc] # nbconvert is untyped
    """Keeps the page from HTMLExporter, which parses it anew for what JupyterLab's templates lack: half of the time."""

    page = ""

    def from_notebook_node(self, nb: Any, resources: Any = None, **more: Any) -> tuple[str, Any]:
        """An empty page; the one that was made is `page`."""
        self.page, resources = super().from_notebook_node(nb, resources, **more)
        return "", resources


class Exporter(Page, Made):
    """Makes a submission's page, from what is left of it after cleaning."""

    def __init__(self, **more: Any) -> None:
        super().__init__(extra_loaders=[DictLoader({"mathjax.html.j2": MATHJAX_MACRO})], **more)
        self.sanitize_html = True
        self.environment.add_extension(OwnScripts)

    @property
    def default_config(self) -> Config:
        """nbconvert's; of what only a script could show, the next best is shown."""
        config: Config = super().default_config
        scripts = ("application/javascript", "application/vnd.jupyter.widget-view+json")
        kinds = [kind for kind in config.NbConvertBase.display_data_priority if kind not in scripts]
        config.NbConvertBase.display_data_priority = kinds
        return config

    def from_notebook_node(self, nb: Any, resources: Any = None, **more: Any) -> tuple[str, Any]:
        """Makes the page of what is no larger than can be shown in a second; `nb` is no longer as it was."""
        make = partial(super().from_notebook_node, resources=resources, **more)
        _, resources = in_time(make, nb, small)
        return re.sub(r"<img (?![^>]*\balt=)", f'<img alt="{UNSAID}" ', self.page), resources

    def answer(self, filename: str, resources: Any) -> str:
        """The page of a submission's notebook."""
        return self.from_filename(filename, resources=resources)[0]

    def warm(self) -> None:
        """What is the same in all pages is made, for the processes that make them."""
        _answer.set(Answer())
        self.from_notebook_node(new_notebook(), dict.fromkeys(("base_url", "index", "total"), 0))

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        """nbconvert's, with a cleaner that leaves tables and images."""
        yield from super().default_filters()
        yield "clean_html", cleaned

    @pass_context
    def markdown2html(self, context: Context, source: str) -> str:
        """nbconvert's, cleaned."""
        return cleaned(super().markdown2html(context, source))


class Submission(handlers.SubmissionHandler):  # type: ignore[misc] # nbgrader is untyped
    """nbgrader's page of one submission, made beside the server's loop."""

    asked: tuple[Any, ...] | None = None
    _room = asyncio.Semaphore(2)

    @authenticated
    async def get(self, submission_id: str) -> None:
        """Answers as nbgrader does."""
        super().get(submission_id)
        if self.asked:
            async with self._room:
                page = await beside(self.settings["nbgrader_exporter"].answer, *self.asked)
            _answer.get().is_page = True
            self.write(page)

    @property
    def exporter(self) -> "Submission":
        """In an exporter's place, it only notes what the page is to be made of."""
        return self

    def from_filename(self, filename: str, resources: Any) -> tuple[str, Any]:
        """Gives no page yet."""
        self.asked = filename, resources
        return "", resources


class Autograde(apihandlers.AutogradeHandler):  # type: ignore[misc] # nbgrader is untyped
    """Has one submission autograded beside the server's loop (coursehub_grading.py)."""

    @authenticated
    @check_xsrf
    @check_notebook_dir
    async def post(self, assignment_id: str, student_id: str) -> None:
        """Answers as nbgrader does, once it has ended."""
        self.write(json.dumps(await self.settings["coursehub_grading"].button(assignment_id, student_id)))


def button(handler: type[BaseHandler], method: str) -> type[BaseHandler]:
    """nbgrader's handler of a button, whose work is a method of its API's; done beside the server's loop."""

    class Button(handler):  # type: ignore[misc, valid-type] # nbgrader is untyped
        @authenticated
        @check_xsrf
        @check_notebook_dir
        async def post(self, *whose: str) -> None:
            async with _busy:
                done = await beside(getattr(self.api, method), *whose)
            if "error" in done:
                done["error"] = sentence(done["error"])
            self.write(json.dumps(done))

    return Button


def load_jupyter_server_extension(app: ServerApp) -> None:
    """nbgrader's, behind the policy, which holds from before it is there."""
    ours = {handlers.SubmissionHandler: Submission}
    ours |= {handler: button(handler, method) for handler, method in BUTTONS.items()}
    if "coursehub_grading" in app.web_app.settings:
        ours[apihandlers.AutogradeHandler] = Autograde
    for module in (handlers, apihandlers):
        module.default_handlers = [
            (address, ours.get(handler, handler), *more) for address, handler, *more in module.default_handlers
        ]
    address = f"{app.base_url}formgrader"
    app.web_app.add_transform(cast("type[OutputTransform]", partial(Policy, address)))
    formgrader.load_jupyter_server_extension(app)
    settings = app.web_app.settings
    settings["nbgrader_jinja2_env"].add_extension(OwnScripts)
    exporter = settings["nbgrader_exporter"] = Exporter(config=settings["nbgrader_formgrader"].config)
    copy_context().run(exporter.warm)


def _script_nonce() -> str:
    answer = _answer.get()
    answer.is_page = True
    return answer.nonce


def _in_script(value: object) -> str:
    return json.dumps(str(value))[1:-1].replace("'", "\\u0027").replace("<", "\\u003c")


def _rewritten(part: str) -> str:
    kind = part[1:7].lower()
    if kind.startswith("style"):
        return part
    if kind != "script":
        return _quoted(part, "e")
    opening, end, body = part.partition(">")
    return f'<script nonce="{{{{ script_nonce() }}}}"{_quoted(opening[7:], "e")}{end}{_quoted(body, "in_script")}'


def _quoted(part: str, how: str) -> str:
    return re.sub(r"\{\{\s*([\w.]+)\s*\}\}", rf"{{{{ \1 | {how} }}}}", part)
