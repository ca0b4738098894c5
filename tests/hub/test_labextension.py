"""JupyterLab's part of notes, as a browser runs it, over a JupyterLab of a few lines: notifications and requests."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page

from tests.hub.conftest import _serve, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXTENSION = (
    Path(__file__).parents[2]
    / "images/singleuser/rootfs/opt/coursehub/venv/share/jupyter/labextensions/coursehub-notes"
)
# What the extension uses of @jupyterlab/apputils 4, coreutils 6 and services 7; `shown` is what is to be seen.
LAB = """
<script src="extension.js"></script>
<script>
  const shown = new Map(), slots = [];
  let next = 0;
  const manager = { changed: { connect: (slot) => slots.push(slot) } };
  const dismiss = (id) => {
    const options = shown.get(id);
    if (shown.delete(id)) {
      slots.forEach((slot) => slot(manager, { type: "removed", notification: { id, options } }));
    }
  };
  const Notification = {
    manager,
    dismiss,
    emit: (message, type, options) => { shown.set(++next, { message, type, ...options }); return next; },
    update: ({ id, ...rest }) => { Object.assign(shown.get(id), rest, { updated: true }); },
  };
  const dialogs = [];
  const apputils = { Notification, Dialog: { okButton: (x) => x }, showDialog: async (x) => dialogs.push(x) };
  const ServerConnection = { makeRequest: (url, init) => fetch(url, init) };
  const library = (module) => ({ "1.0.0": { loaded: 1, get: async () => () => module } });
  const PageConfig = { getOption: (name) => name === "coursehubNotesSeconds" ? location.hash.slice(1) : "" };
  const scope = {
    "@jupyterlab/apputils": library(apputils),
    "@jupyterlab/coreutils": library({ PageConfig }),
    "@jupyterlab/services": library({ ServerConnection }),
  };
  // Clicks as JupyterLab does: the notification goes, unless the action says that it stays.
  const click = (message, label) => {
    const [id, found] = [...shown].find(([, each]) => each.message.startsWith(message));
    let stays = false;
    found.actions.find((each) => each.label === label).callback({ preventDefault: () => { stays = true; } });
    if (!stays) { dismiss(id); }
  };
  const container = window._JUPYTERLAB["coursehub-notes"];
  container.init(scope);
  container.get("./extension").then((factory) => factory().default.activate({
    started: Promise.resolve(),
    serviceManager: { serverSettings: { baseUrl: new URL("./", location.href).href } },
  }));
  // Looks now, as when somebody comes back to the tab.
  const look = () => document.dispatchEvent(new Event("visibilitychange"));
</script>
"""


class Server:
    """Gives notes as told, and keeps what was acted on."""

    def __init__(self) -> None:
        self.notes: list[dict[str, Any]] = []
        self.acted: list[str] = []
        self.helps = True
        self.held: asyncio.Event | None = None

    async def get(self, _: web.Request) -> web.Response:
        answer = web.json_response({"notes": self.notes})
        if self.held:
            held, self.held = self.held, None
            await held.wait()
        return answer

    async def post(self, request: web.Request) -> web.Response:
        self.acted.append(request.match_info["id"])
        if self.helps:
            self.notes = [note for note in self.notes if note["id"] != self.acted[-1]]
        return web.Response(status=204 if self.helps else 500)

    async def page(self, _: web.Request) -> web.Response:
        return web.Response(text=LAB, content_type="text/html")

    async def script(self, _: web.Request) -> web.FileResponse:
        package = json.loads((EXTENSION / "package.json").read_text())
        return web.FileResponse(EXTENSION / package["jupyterlab"]["_build"]["load"])


@pytest.fixture
def server() -> Server:
    return Server()


@pytest_asyncio.fixture(loop_scope="session")
async def page(server: Server, chromium: Browser) -> AsyncIterator[Page]:
    """The page, not yet opened."""
    app = web.Application()
    app.router.add_get("/user/maria/", server.page)
    app.router.add_get("/user/maria/extension.js", server.script)
    app.router.add_get("/user/maria/coursehub/notes", server.get)
    app.router.add_post("/user/maria/coursehub/notes/{id}", server.post)
    runner, port = await _serve(app)
    context = await chromium.new_context(base_url=f"http://127.0.0.1:{port}/user/maria/")
    yield await context.new_page()
    await context.close()
    await runner.cleanup()


async def seen(page: Page, *wanted: str) -> list[dict[str, Any]]:
    """The notifications, once they begin with these words and there is none besides."""
    found: list[dict[str, Any]] = []

    async def as_wanted() -> bool:
        await page.evaluate("look()")
        await asyncio.sleep(0.1)
        found[:] = await page.evaluate("[...shown.values()].map((each) => JSON.parse(JSON.stringify(each)))")
        return len(found) == len(wanted) and all(
            each["message"].startswith(words) for each, words in zip(found, wanted, strict=True)
        )

    await until(as_wanted, f"the notifications {wanted}")
    return found


def note(name: str, text: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "level": "warning", "text": text, **more}


async def test_notes_come_change_in_place_and_go(server: Server, page: Page) -> None:
    server.notes = [note("a", "One <b>x</b>"), note("b", "Two")]
    await page.goto("")
    first, _ = await seen(page, "One <b>x</b>", "Two")
    assert (first["type"], first["autoClose"]) == ("warning", False)
    server.notes = [note("a", "Changed") | {"level": "error"}]
    (changed,) = await seen(page, "Changed")
    assert (changed["type"], changed["updated"]) == ("error", True)
    server.notes = []
    await seen(page)


async def test_notes_come_by_themselves_as_often_as_the_server_says(server: Server, page: Page) -> None:
    await page.goto("#0.2")
    await seen(page)
    server.notes = [note("a", "One")]
    await until(lambda: page.evaluate("shown.size === 1"), "the note without a look of the test's", 5)


async def test_what_was_dismissed_is_not_shown_again_also_after_a_reload(server: Server, page: Page) -> None:
    server.notes = [note("a", "One"), note("b", "Two")]
    await page.goto("")
    await seen(page, "One", "Two")
    await page.evaluate("click('One', 'Dismiss')")
    await seen(page, "Two")
    server.notes.append(note("c", "Three"))
    await seen(page, "Two", "Three")
    await page.reload()
    await seen(page, "Two", "Three")
    await page.evaluate("localStorage.setItem('coursehub-notes:' + new URL('./', location.href).href, 'nonsense')")
    await page.reload()
    await seen(page, "One", "Two", "Three")


async def test_a_notes_button_does_what_it_offers_and_the_note_is_back_where_that_failed(
    server: Server, page: Page
) -> None:
    server.notes = [note("idle", "Stops soon", action={"label": "I'm still here"})]
    await page.goto("")
    (shown,) = await seen(page, "Stops soon")
    assert [each["label"] for each in shown["actions"]] == ["I'm still here"]
    server.helps = False
    await page.evaluate('click("Stops", "I\'m still here")')
    await until(lambda: server.acted == ["idle"], "the button's request")
    await seen(page, "Stops soon")
    server.helps = True
    await page.evaluate('click("Stops", "I\'m still here")')
    await until(lambda: server.acted == ["idle", "idle"], "the button's second request")
    await seen(page)
    server.notes = [note("idle", "Stops soon", action={"label": "I'm still here"})]
    await seen(page, "Stops soon")


async def test_an_answer_that_comes_after_a_later_one_brings_no_note_back(server: Server, page: Page) -> None:
    server.notes = [note("a", "One")]
    await page.goto("")
    await seen(page, "One")
    server.held = held = asyncio.Event()
    async with page.expect_request("**/coursehub/notes") as asked:
        await page.evaluate("look()")
    await until(lambda: server.held is None, "the request that waits")
    server.notes = []
    await seen(page)
    held.set()
    await (await (await asked.value).response()).finished()  # type: ignore[union-attr] # it has one
    # Were the note back, this look would put it away again, but not what was counted.
    await seen(page)
    assert await page.evaluate("next") == 1


async def test_links_open_apart_and_only_where_they_may_and_a_long_text_can_be_read_whole(
    server: Server, page: Page
) -> None:
    urls = ("https://example.edu/", "javascript:alert", "mailto:x@example.edu")
    server.notes = [note("a", "x " * 100 + "end", links=[{"label": url, "url": url} for url in urls])]
    await page.goto("")
    (shown,) = await seen(page, "x x")
    labels = [each["label"] for each in shown["actions"]]
    assert labels == ["https://example.edu/", "mailto:x@example.edu", "Read all", "Dismiss"]
    await page.evaluate("window.open = (...given) => { window.opened = given; }")
    await page.evaluate("click('x', 'https://example.edu/')")
    assert await page.evaluate("opened") == ["https://example.edu/", "_blank", "noopener,noreferrer"]
    await page.evaluate("click('x', 'Read all')")
    assert str(await page.evaluate("dialogs[0].body")).endswith("x end")
    await seen(page, "x x")
