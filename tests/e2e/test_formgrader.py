"""An instructor opens a submission whose student tried every way to have a script run there."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Page, Request, Route, expect

from .assignment import COURSE, nbgrader, release, solve, submission_of_tom
from .browsing import log_in_by_browser
from .cluster import Installation
from .person import Person

LogIn = Callable[[str], Person]

TABLE = "<style>td {color: red}</style><table class='dataframe'><tr><td>a cell of a table</td></tr></table>"


def ran(name: str) -> str:
    """A script that leaves its name where a test finds it."""
    return f"window.ran = (window.ran || []).concat('{name}'); document.title = 'ran'; fetch('/ran/{name}')"


def tag(name: str) -> str:
    return f"<script>{ran(name)}</script>"


def image(name: str) -> str:
    return f'<img src="x" onerror="{ran(name)}">'


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


MARKUP = {
    "script": tag("script"),
    "onerror": image("onerror"),
    "onload": f'<svg onload="{ran("onload")}"></svg>',
    "details": f'<details open ontoggle="{ran("details")}">x</details>',
    "focus": f'<input autofocus onfocus="{ran("focus")}">',
    "frame": f'<iframe srcdoc="<script>parent.{ran("frame")}</script>"></iframe>',
    "data frame": f'<iframe src="data:text/html,{quote(tag("dataframe"))}"></iframe>',
    "own file": '<script src="evil.js"></script>',
    "file of the server": '<script src="/user/otto/files/course/autograded/tom/one/evil.js"></script>',
    "elsewhere": '<script src="https://elsewhere.invalid/ran/elsewhere.js"></script>',
    "library": '<script src="https://cdnjs.cloudflare.com/ajax/libs/ran/1/angular.js"></script>',
    "nonce": f'<script nonce="">{ran("nonce")}</script>',
    "template": f'<script nonce="{{{{ script_nonce() }}}}">{ran("template")}</script>',
    "refresh": '<meta http-equiv="refresh" content="0; url=/ran/refresh">',
    "base": '<base href="https://elsewhere.invalid/ran/base/">',
    "form": f'<form id="f" action="javascript:{ran("form")}"><button autofocus>x</button></form>',
    "MathJax": f'<script type="text/x-mathjax-config">{ran("mathjax")}</script>',
    "TeX": f"$\\href{{javascript:{ran('tex')}}}{{x}}$ $\\style{{background: url(/ran/tex)}}{{x}}$",
    "tooltip": f'<li class="previous"><a data-html="true" title="{escape(image("tooltip"))}">x</a></li>',
    "modal": '<a data-toggle="modal" data-remote="evil.html" data-target="#statusmessage" href="evil.html">x</a>',
    "style": "<style>@import url(/ran/style); body {background: url(https://elsewhere.invalid/ran/style)}</style>",
    "picture": '<img src="https://elsewhere.invalid/ran/picture"><img src="/hub/logout?ran">',
    "preload": '<link rel="preload" as="script" href="/ran/preload"><link rel="prefetch" href="/ran/prefetch">',
    "object": '<object data="evil.html"></object><embed src="evil.svg">',
    "unclosed": "<script src='evil.js' x='",
}
OUTPUTS: dict[str, dict[str, Any]] = {
    "JavaScript": {"application/javascript": ran("javascript"), "text/plain": "what is shown in place of JavaScript"},
    "SVG": {"image/svg+xml": f'<svg xmlns="http://www.w3.org/2000/svg" onload="{ran("svg")}">{tag("svg")}</svg>'},
    "Markdown": {"text/markdown": image("markdown") + tag("markdown")},
    "LaTeX": {"text/latex": "</div>" + tag("latex")},
    "PNG": {"image/png": f'"><script>{ran("png")}</script>'},
    "view": {"application/vnd.jupyter.widget-view+json": {"model_id": f"</script>{tag('view')}"}},
    "table": {"text/html": TABLE},
}
FILES = {
    "evil.js": ran("file"),
    "evil.html": tag("html"),
    "evil.svg": f'<svg xmlns="http://www.w3.org/2000/svg">{tag("svg")}</svg>',
}


def cell(kind: str, source: str, **more: Any) -> dict[str, Any]:
    name = f"c{abs(hash((kind, source, str(more)))) % 10**8}"
    return {"cell_type": kind, "id": name, "source": source, "metadata": {}, **more}


def code(output: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    shown = {"output_type": "display_data", "data": output, "metadata": metadata}
    return cell("code", "x = 1", outputs=[shown], execution_count=1)


def cells() -> Iterator[dict[str, Any]]:
    """What the student added to the notebook."""
    yield cell("markdown", "A sum: $a_1 < b_1$, **bold**, and `code`.\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    yield cell("markdown", "A [link](javascript:" + quote(ran("link")) + ") ![p](own.png) <b class='full-credit'>x</b>")
    for each in MARKUP.values():
        yield cell("markdown", each)
        yield cell("raw", each, metadata={"raw_mimetype": "text/html"})
        yield code({"text/html": each})
        yield code({"text/html": each}, **{"text/html": {"isolated": True}})
    for output in OUTPUTS.values():
        yield code(output)
    attached = {
        "a.png": {f'image/png" onerror="{ran("attached")}': encoded("x")},
        "b.svg": {"text/html": tag("attached")},
    }
    yield cell("markdown", "![x](attachment:a.png) ![x](attachment:b.svg)", attachments=attached)
    for name in ("script", "onerror", "refresh", "frame"):
        flags = {"grade": True, "solution": True, "locked": False, "task": False, "points": 1, "schema_version": 3}
        yield cell("markdown", "x", metadata={"nbgrader": {**flags, "grade_id": f'">{MARKUP[name]}'}})
        yield cell("code", "x", metadata={"tags": [f'">{MARKUP[name]}']}, outputs=[], execution_count=1)
        trace = {"output_type": "error", "ename": MARKUP[name], "evalue": MARKUP[name], "traceback": [MARKUP[name]]}
        stream = {"output_type": "stream", "name": "stdout", "text": MARKUP[name]}
        yield cell("code", MARKUP[name], outputs=[trace, stream], execution_count=1)


def plant(notebook: Path) -> None:
    """Puts all of it into a submission that was graded, as code that is graded can."""
    content = json.loads(notebook.read_text())
    content["cells"] += cells()
    content["metadata"]["title"] = f"</title>{tag('title')}"
    content["metadata"]["language_info"] = {"name": f'">{tag("language")}', "pygments_lexer": f'">{tag("lexer")}'}
    state = {"version_major": 2, "version_minor": 0, "state": {"x": {"y": f"</script>{tag('widgets')}"}}}
    content["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": state}
    notebook.write_text(json.dumps(content))
    for name, text in FILES.items():
        (notebook.parent / name).write_text(text)


def watch(page: Page) -> list[str]:
    """What the pages ask for because a submission says so, from now on."""
    asked: list[str] = []

    def see(request: Request) -> None:
        if request.failure != "csp" and re.search(r"/ran/|[?]ran|elsewhere|evil[.](js|html)", request.url):
            asked.append(request.url)

    page.on("requestfinished", see)
    page.on("requestfailed", see)
    return asked


def nothing_ran(page: Page) -> None:
    page.wait_for_load_state("load")
    assert page.title() != "ran"
    assert page.evaluate("window.ran") is None


def opens_a_submission(page: Page, formgrader: str, submission: str) -> None:
    """Nothing of it runs or asks for anything; it is readable, and its instructor grades it."""
    asked = watch(page)
    # From elsewhere the page takes the typesetting of formulas, for which it would wait.
    page.route("https://cdnjs.cloudflare.com/**", lambda route: route.abort())
    page.goto(f"{formgrader}/submissions/{submission}/")
    expect(page.get_by_text("a cell of a table")).to_be_visible()
    expect(page.get_by_text("what is shown in place of JavaScript")).to_be_visible()
    expect(page.locator("strong", has_text="bold")).to_be_visible()
    nothing_ran(page)
    assert not asked
    # What looks as Formgrader's own in an answer is not.
    assert page.locator(".rendered_html .full-credit, .rendered_html input, #f").count() == 0

    # Of the page's own scripts all run: names are shown, comments and scores are saved.
    page.get_by_role("button", name="Show student name").click()
    expect(page.locator("a.name-shown")).to_be_visible()
    lab = f"{formgrader.removesuffix('/formgrader')}/lab/tree"
    assert page.locator("a.name-shown").evaluate("link => link.href") == f"{lab}/course/autograded/tom/one/a.ipynb"
    box = page.locator("#why")
    # Which the page's scripts say once they listen.
    expect(page.locator("#why_extra_credit")).to_have_attribute("placeholder", "0")
    expect(page.locator("#why-comment")).to_have_attribute("placeholder", re.compile("."))
    with page.expect_response(lambda answer: "/api/grade/" in answer.url and answer.request.method == "PUT") as saved:
        box.fill("2.5")
        box.press("Tab")
    assert saved.value.status == 200
    with page.expect_response(lambda answer: "/api/comment/" in answer.url and answer.request.method == "PUT") as saved:
        page.locator("#why-comment").fill("well done")
        page.locator("#why-comment").blur()
    assert saved.value.status == 200
    page.reload()
    expect(page.locator("#why")).to_have_value("2.5")
    expect(page.locator("#why-comment")).to_have_value("well done")
    # By keys, too, also where no formula is typeset: before the first submission, and after the last, is their list.
    for keys in ("Control+,", "Control+."):
        page.locator("body").press(keys)
        page.wait_for_url(f"{formgrader}/gradebook/one/a")
        page.go_back()
        expect(page.locator("#why-comment")).to_have_value("well done")
    # And where the page is not all there yet: then they wait for it.
    held: list[Route] = []
    page.route("**/api/comments?**", lambda route: held.append(route))
    page.reload()
    expect(page.locator("#why_extra_credit")).to_have_attribute("placeholder", "0")
    page.locator("#why-comment").press("Control+Shift+.")
    (comments,) = held
    assert page.url.startswith(f"{formgrader}/submissions/")
    comments.continue_()
    page.wait_for_url(f"{formgrader}/gradebook/one/a")
    page.unroute("**/api/comments?**")
    page.goto(f"{formgrader}/submissions/{submission}/")
    expect(page.locator("#why-comment")).to_have_value("well done")
    page.route("**/api/grade/*", lambda route: route.abort())
    box.fill("3")
    box.press("Tab")
    expect(page.get_by_text("This was not saved")).to_be_visible()
    page.unroute("**/api/grade/*")

    # What the student left beside the notebook, and addresses that say something.
    for address in ("evil.html", "evil.svg", "evil.js"):
        page.goto(f"{formgrader}/submissions/{submission}/{address}", wait_until="commit")
        nothing_ran(page)
    for written in (f'";{ran("address")};//', tag("address"), "\\", f";{ran('address')}//"):
        one = quote(written.replace("/", ""), safe="")
        for address in (
            f"gradebook/{one}",
            f"gradebook/%5C/{one}",
            f"manage_students/{one}",
            f"manage_submissions/{one}",
        ):
            page.goto(f"{formgrader}/{address}")
            nothing_ran(page)
    assert not [each for each in asked if "/ran/" in each]

    # The other pages work.
    for address, shown in {
        "manage_assignments": "one",
        "gradebook": "one",
        "gradebook/one": "a",
        "gradebook/one/a": "Submission #1",
    }.items():
        page.goto(f"{formgrader}/{address}")
        expect(page.locator("#main-table").get_by_role("link", name=shown, exact=True)).to_be_visible()
    for name in ("Show student name", "Hide student name"):
        page.locator("#main-table").get_by_role("button", name=name).press("Enter")
    page.goto(f"{formgrader}/manage_assignments")
    for name in ("Edit", "Generate", "Preview", "Take back", "Collect", "Release Feedback"):
        expect(page.get_by_role("link", name=f"{name}: one", exact=True)).to_be_visible()
    page.goto(f"{formgrader}/gradebook/one/a")
    page.get_by_role("button", name="Show All Names").click()
    nothing_ran(page)


def test_a_submission_that_is_opened_runs_nothing(
    log_in: LogIn, installation: Installation, empty_course: Path, page: Page
) -> None:
    peter, otto, tom = (log_in(name) for name in ("peter", "otto", "tom"))
    peter.start(f"{COURSE}--instructor")
    tom.start(COURSE)
    release(peter)
    nbgrader(tom, "fetch_assignment one")
    solve(tom, "x * x")
    nbgrader(tom, "submit one")
    otto.start(f"{COURSE}--grading")
    nbgrader(otto, "collect one")
    nbgrader(otto, "autograde one", 240)
    plant(empty_course / "autograded/tom/one/a.ipynb")
    log_in_by_browser(page, installation, "otto")
    page.goto(f"{installation.server('otto')}/formgrader")
    expect(page.get_by_role("link", name="Manual Grading")).to_be_visible()
    submission = submission_of_tom(installation, page)
    opens_a_submission(page, f"{installation.server('otto')}/formgrader", submission)
