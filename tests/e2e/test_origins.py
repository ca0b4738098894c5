"""Each server on an origin of its own, as a browser keeps them apart; and one origin for all, where a site wants it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from coursehub.spawntest.rules import LOOK
from playwright.sync_api import Page, Route, expect

from ci.cluster.layout import Layout

from .browsing import log_in_by_browser
from .cluster import COURSES, Installation, until
from .person import Person, arrive

LogIn = Callable[[str], Person]
SESSION = "jupyterhub-session-id"
# What a person's server may show to whoever opens a link to it and clicks once: it opens the hub's page beside it, and
# asks for a token with the visitor's rights.
EVIL = """<body>Click here!<script>
const hubs = [HUBS];
const found = [];
const pause = () => new Promise(done => setTimeout(done, 100));
async function token(opened) {
  for (let left = 50; left; left--) {
    try { if (opened.jhdata?.xsrf_token) return opened.jhdata.xsrf_token; } catch {}
    await pause();
  }
  return "";
}
document.onclick = async () => {
  for (const hub of hubs) {
    const xsrf = await token(window.open(`${hub}/hub/home`));
    const body = JSON.stringify({note: "stolen"});
    for (const headers of [{"X-XSRFToken": xsrf, "Content-Type": "application/json"}, {}]) {
      const asked = {method: "POST", credentials: "include", headers, body};
      const answer = await fetch(`${hub}/hub/api/users/emma/tokens`, asked)
        .then(told => told.json()).catch(() => ({}));
      if (answer.token) found.push(answer.token);
    }
  }
  document.title = "done " + found.length;
};
</script></body>"""


def shows(page: Page, installation: Installation, person: str) -> int:
    """How many ways into the visitor's account a page finds that the person's server shows."""
    there = installation.server(person)
    hubs = ", ".join(f'"{each}"' for each in dict.fromkeys((installation.url, there.removesuffix(f"/user/{person}"))))

    def answer(route: Route) -> None:
        route.fulfill(body=EVIL.replace("HUBS", hubs), content_type="text/html")

    page.route(f"{there}/evil", answer)
    page.goto(f"{there}/evil")
    page.get_by_text("Click here!").click()
    page.wait_for_function("document.title.startsWith('done')")
    return int(page.title().removeprefix("done "))


def stolen(person: Person) -> set[str]:
    """Tokens of the person's that such a page has made, ever."""
    tokens = person.api("GET", f"/users/{person.name}/tokens").json()["api_tokens"]
    return {token["id"] for token in tokens if token["note"] == "stolen"}


def test_w9_a_page_of_anothers_server_finds_no_way_into_the_account_of_who_opens_it(
    page: Page, installation: Installation, log_in: LogIn
) -> None:
    """W9"""
    emma = log_in("emma")
    log_in_by_browser(page, installation, "emma")
    before = stolen(emma)
    assert shows(page, installation, "jonas") == 0
    assert stolen(emma) == before


def test_w9_each_cookie_is_of_one_host_and_the_sessions_number_opens_nothing(
    page: Page, installation: Installation, log_in: LogIn
) -> None:
    """W9"""
    log_in("emma").start("general")
    log_in_by_browser(page, installation, "emma")
    page.goto(f"{installation.server('emma')}/lab?reset")
    expect(page.locator("#jp-main-dock-panel")).to_be_visible()
    hub, server = (re.sub(r"^\w+://|:\d+.*$", "", each) for each in (installation.url, installation.server("emma")))
    assert page.evaluate("location.hostname") == server
    cookies = page.context.cookies()
    assert {cookie["domain"] for cookie in cookies if cookie["name"] != SESSION} == {hub, server}
    assert {cookie["domain"] for cookie in cookies if cookie["name"] == SESSION} == {f".{hub}"}
    at_the_hub = {cookie["name"] for cookie in page.context.cookies(installation.url + "/hub/")}
    assert "jupyterhub-hub-login" in at_the_hub
    assert "jupyterhub-hub-login" not in {
        cookie["name"] for cookie in page.context.cookies(installation.server("emma"))
    }
    page.context.clear_cookies(name=re.compile(f"^(?!{SESSION}$)"))
    assert [cookie["name"] for cookie in page.context.cookies()] == [SESSION]
    page.goto(f"{installation.url}/hub/home")
    assert "/hub/login" in page.url
    page.goto(f"{installation.server('emma')}/lab")
    assert "/hub/login" in page.url


@pytest.fixture
def one_origin(installation: Installation, tmp_path: Path) -> Iterator[Installation]:
    """A site that acknowledges one address for hub and servers, and has a course whose servers end soon."""
    arrive()
    courses = tmp_path / "courses.yaml"
    courses.write_text(
        f"{COURSES.read_text()}\n  brief: {{name: Brief, students: [rosa], image: python, cull: {{max_age: 1m}}}}\n"
    )
    address = f"http://127.0.0.1:{Layout.from_environment().port}"
    before = installation.hub()
    shared = ("--set", "jupyterhub.hub.config.JupyterHub.subdomain_host=", "--set", "acknowledgeOneOrigin=true")
    try:
        installation.helm(courses, *shared)
        until(lambda: installation.hub_is_ready_after(before), 120, "the hub at one address")
        yield replace(installation, url=address, servers=address)
        arrive()
    finally:
        before = installation.hub()
        installation.helm(COURSES)
        until(lambda: installation.hub_is_ready_after(before), 120, "the hub as before")


@pytest.mark.alone
def test_with_one_origin_for_all_everything_works_and_a_page_of_anothers_server_takes_the_account(
    one_origin: Installation, page: Page
) -> None:
    """W9: what docs/security.md says of it is so."""
    emma, otto, rosa = (Person(one_origin.url, name, one_origin.password) for name in ("emma", "otto", "rosa"))
    try:
        until(lambda: "brief" in rosa.choices(), 30, "the course on the page")
        rosa.start("brief")
        emma.start("python-intro")
        assert emma.address == one_origin.server("emma")
        assert '"uid": 20003' in emma.kernel().run(LOOK)
        otto.start("data-analysis--instructor")
        log_in_by_browser(page, one_origin, "otto")
        page.goto(f"{one_origin.server('otto')}/formgrader")
        expect(page.get_by_role("link", name="Manual Grading")).to_be_visible()
        one_origin.coursehub("announce", "The lift is broken.")
        page.goto(f"{one_origin.url}/hub/courses/python-intro")
        expect(page.get_by_text("The lift is broken.")).to_be_visible()
        expect(page.get_by_text("Introduction to Programming").first).to_be_visible()
        one_origin.coursehub("announce", "--clear")
        succeeded, said = one_origin.job("coursehub-spawn-test", "tests-one-origin", 600)
        assert succeeded, said
        page.context.clear_cookies()
        log_in_by_browser(page, one_origin, "emma")
        assert shows(page, one_origin, "jonas") > 0
        until(lambda: one_origin.pod_of("rosa") is None, 150, "the culler ended the old server")
    finally:
        for person in (emma, otto, rosa):
            person.stop()
