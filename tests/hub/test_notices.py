"""What people are told: announcements on the hub's pages and in servers, and warnings of a home that is nearly full."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from aiohttp import web

from tests.hub.announcing import announce, ask
from tests.hub.conftest import SITE, Hub, Login, _serve, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

GIB = 2**30
EVIL = """<script>document.title='owned'</script>"><img src=x onerror=alert(1)> {{7*7}} {x}"""


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def quiet(hub: Hub) -> AsyncIterator[None]:
    """Nothing announced afterwards."""
    yield
    for said in (await ask(hub, "announcements"))["answer"]["announcements"]:
        await ask(hub, "clear", course=said["course"], dry_run=False)


def token_of_pod(hub: Hub) -> str:
    """The token of the only server that was made, as it is in its environment."""
    (pod,) = hub.kubernetes.made
    (container,) = pod["spec"]["containers"]
    return next(str(each["value"]) for each in container["env"] if each["name"] == "JUPYTERHUB_API_TOKEN")


async def notes(hub: Hub, token: str, **headers: str) -> httpx.Response:
    """What a server that has `token` is answered."""
    async with hub._client() as client:
        return await client.get("coursehub/notes", headers={"Authorization": f"token {token}", **headers})


async def texts(hub: Hub, token: str) -> list[str]:
    """The words of its notes."""
    return [note["text"] for note in (await notes(hub, token)).json()["notes"]]


async def test_an_announcement_is_on_each_page_at_once_and_gone_when_it_is_cleared(hub: Hub) -> None:
    maria = await hub.login("maria")
    client = hub._client()
    reply = await announce(hub, "Down on Friday, see [the news](https://example.edu/?a=b&c).", level="warning")
    assert reply["answer"]["shown"]["level"] == "warning"

    async def pages() -> dict[str, str]:
        choosing = {path: (await maria.get(path)).text for path in ("home", "courses", "spawn", "token", "nowhere")}
        return choosing | {"login": (await client.get("login")).text}

    link = (
        '<a class="alert-link" href="https://example.edu/?a=b&amp;c" target="_blank" rel="noopener noreferrer">'
        "the news</a>"
    )
    for path, page in (await pages()).items():
        assert f'<div class="alert alert-warning coursehub-note" role="alert">Down on Friday, see {link}.' in page, path
    hub.kubernetes.phase = "Pending"
    await maria.choose("general")
    for path in ("courses", "spawn-pending/maria"):
        assert "Down on Friday" in (await maria.get(path)).text, path
    hub.kubernetes.run()
    assert await hub.outcome("maria") == "ready"
    await hub.stop("maria")
    await ask(hub, "clear", course=None, dry_run=False)
    assert not any("Down on Friday" in page for page in (await pages()).values())


async def test_y18_y19_an_announcement_is_text_on_the_page(hub: Hub) -> None:
    await announce(hub, EVIL)
    page = (await (await hub.login("maria")).get("home")).text
    assert "&lt;script&gt;document.title=&#39;owned&#39;&lt;/script&gt;" in page
    assert "<img src=x" not in page
    assert "{{7*7}} {x}" in page


async def test_what_is_no_announcement_is_refused_with_a_sentence_and_nothing_changes(hub: Hub) -> None:
    await announce(hub, "As it was.")
    assert (await announce(hub, "[x](javascript:alert)"))["refusal"].startswith("'javascript:alert' is no address;")
    assert (await announce(hub, "Hello", course="nothing"))["refusal"] == (
        "there is no live course 'nothing'; `coursehub course list` has them all"
    )
    question = {"text": "x", "level": "info", "course": None}
    assert "no time" in (await ask(hub, "announce", **question, until="soon", dry_run=False))["refusal"]
    dry = await ask(hub, "announce", **question, until="2h", dry_run=True)
    assert (dry["answer"]["shown"]["text"], dry["answer"]["before"]["text"]) == ("x", "As it was.")
    said = (await ask(hub, "announcements"))["answer"]["announcements"]
    assert [each["text"] for each in said] == ["As it was."]


async def test_what_a_course_is_told_stands_at_its_entry_and_in_its_servers_and_nowhere_else(hub: Hub) -> None:
    await announce(hub, "Only for programmers.", course="python-intro")
    await announce(hub, "For everybody.")
    maria = await hub.login("maria")
    page = (await maria.get("courses")).text
    assert page.count("Only for programmers.") == 1
    entry = page.index('id="profile-python-intro"')
    following = page.index('type="radio"', entry + 1)
    assert entry < page.index("Only for programmers.") < following, "it stands at another entry"
    assert "Only for programmers." not in (await maria.get("home")).text

    assert await hub.start("maria", b'{"profile": "python-intro"}') == "ready"
    token = token_of_pod(hub)
    assert await texts(hub, token) == ["For everybody.", "Only for programmers."]
    assert "Only for programmers." in (await maria.get("courses")).text, "the page about the running server"
    hub.kubernetes.made.clear()
    await hub.stop("maria")
    assert await hub.start("maria", b'{"profile": "general"}') == "ready"
    assert await texts(hub, token_of_pod(hub)) == ["For everybody."]
    assert "Only for programmers." not in (await maria.get("courses")).text


async def test_a_server_asks_with_its_own_token_which_is_nobodys_activity_and_costs_nothing(hub: Hub) -> None:
    await announce(hub, "Hello.")
    assert await hub.start("maria", b"{}") == "ready"
    token = token_of_pod(hub)
    orm = hub.app.users["maria"].orm_user
    before = orm.last_activity
    first = await notes(hub, token)
    assert first.status_code == 200
    again = await notes(hub, token, **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    hub.app.db.expire_all()
    (own,) = [each for each in orm.api_tokens if each.note and each.note.startswith("Server at")]
    assert own.last_activity is None
    assert orm.last_activity == before
    await announce(hub, "Hello again.")
    changed = await notes(hub, token, **{"If-None-Match": first.headers["etag"]})
    assert [note["text"] for note in changed.json()["notes"]] == ["Hello again."]


async def test_nobody_else_reads_the_notes_of_a_server(hub: Hub) -> None:
    maria = await hub.login("maria")
    assert (await maria.get("coursehub/notes")).status_code == 403, "a cookie is no server's token"
    assert (await hub._client().get("coursehub/notes")).status_code == 403
    assert (await notes(hub, "nonsense")).status_code == 403
    narrow = hub.app.users["maria"].new_api_token(scopes=["read:users:name!user"])
    assert (await notes(hub, narrow)).status_code == 403, "a token for something else"


@pytest.mark.parametrize("profile", ["python-intro", "data-analysis", "python-intro--instructor"])
async def test_while_a_start_is_not_decided_nothing_of_its_course_is_told(hub: Hub, profile: str) -> None:
    """Whoever asks for somebody else's course reads neither its announcement nor its name."""
    slug = profile.partition("--")[0]
    name = {"python-intro": "Introduction to Programming", "data-analysis": "Data Analysis"}[slug]
    await announce(hub, "Only for those in it.", slug)
    jonas = await hub.login("jonas")
    token = hub.app.users["jonas"].new_api_token()
    Login.starts_may_go_on.clear()
    answer = await hub.rest("jonas", "POST", "users/jonas/server", json.dumps({"profile": profile}).encode())
    assert answer.status_code == 202
    assert hub.app.users["jonas"].spawner.pending == "spawn"
    assert await texts(hub, token) == []
    page = (await jonas.page("courses")).text
    assert "what you chose" in page
    assert "Only for those in it." not in page
    assert name not in page
    Login.starts_may_go_on.set()
    allowed = profile == "python-intro"
    assert (await hub.outcome("jonas") == "ready") is allowed
    assert await texts(hub, token) == (["Only for those in it."] if allowed else [])
    takes = slug == "python-intro"
    assert ("Only for those in it." in (await jonas.page("courses")).text) is takes


async def test_a_server_that_starts_knows_its_courses_notices_from_its_first_question_on(hub: Hub) -> None:
    await announce(hub, "Only for programmers.", "python-intro")
    hub.kubernetes.phase = "Pending"
    await hub.login("maria")
    await hub.rest("maria", "POST", "users/maria/server", b'{"profile": "python-intro"}')
    await until(lambda: hub.kubernetes.made, "a pod")
    assert hub.app.users["maria"].spawner.pending == "spawn"
    assert await texts(hub, token_of_pod(hub)) == ["Only for programmers."]
    hub.kubernetes.run()
    assert await hub.outcome("maria") == "ready"


async def test_who_is_over_the_threshold_is_warned_who_is_under_it_or_unknown_is_not(hub: Hub) -> None:
    sizes = {"maria": 9.42 * GIB, "jonas": 5 * GIB}
    answers = True

    async def query(request: web.Request) -> web.Response:
        wanted = sizes if request.query["query"] == "dirsize_total_size_bytes{}" else {}
        result = [{"metric": {"directory": name}, "value": [0, str(size)]} for name, size in wanted.items()]
        return web.json_response({"status": "success", "data": {"result": result}}, status=200 if answers else 500)

    app = web.Application()
    app.router.add_get("/api/v1/query", query)
    runner, port = await _serve(app)
    usage = f"""
quotas: {{home: {{size: 10G}}, people: {{jonas: {{size: 20G}}}}}}
usage: {{provider: prometheus, warn: 90, interval: 10, prometheus: {{url: "http://127.0.0.1:{port}"}}}}
"""
    people = {name: await hub.login(name) for name in ("maria", "jonas", "anna")}

    async def warned() -> set[str]:
        return {name for name, each in people.items() if "Your home holds" in (await each.get("courses")).text}

    async def comes_to(who: set[str]) -> None:
        async def reached() -> bool:
            return await warned() == who

        await until(reached, f"a warning for {who}", 60, every=0.5)

    async with hub.values(SITE + usage):
        await comes_to({"maria"})
        page = (await people["maria"].get("courses")).text
        assert "Your home holds 9.4 of 10.0 GiB. Delete what you do not need." in page
        assert await hub.start("maria", b"{}") == "ready"
        assert await texts(hub, token_of_pod(hub)) == ["Your home holds 9.4 of 10.0 GiB. Delete what you do not need."]
        assert await warned() == {"maria"}, "the page about the running server"
        report = (await ask(hub, "usage", by="share"))["answer"]["usage"]
        assert [(row["name"], row["percent"]) for row in report] == [("maria", 94), ("jonas", 25)]
        sizes["jonas"] = 21 * GIB
        await comes_to({"maria", "jonas"})
        answers = False
        sizes.clear()
        await comes_to(set())
        assert (await ask(hub, "usage", by="use"))["refusal"].startswith("usage is not known: http://127.0.0.1")
        assert await texts(hub, token_of_pod(hub)) == []
    await runner.cleanup()
