"""The provisioner's door in the cluster, over real HTTP and as root on a real tree."""

import logging
import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from coursehub.hub.notices import fullness
from coursehub.hub.usage.poll import SiteProvider
from coursehub.hub.volume.provisioner import Provisioner

from tests.server import ROOT, Server, server
from tests.support import SITE, site

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")

MARIA = {"verb": "home", "name": "maria", "uid": 20001, "gid": 20001}
LOOK: dict[str, object] = {"verb": "look", "name": "maria", "uid": 20001}
COURSE_ALONE = {"slug": "python-intro", "gid": 70101, "data": "read-write"}
COURSE = {"verb": "course", **COURSE_ALONE}


def owned(path: Path) -> str:
    """Mode and owner."""
    found = path.lstat()
    return f"{stat.S_IMODE(found.st_mode):04o} {found.st_uid}:{found.st_gid}"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service whose volume has maria's home and a course; no test leaves anything else there."""
    folder = tmp_path_factory.mktemp("service")
    root = folder / "root"
    root.mkdir(mode=0o755)
    with server(folder, root).running() as running:
        assert [running.ask(request)[0] for request in (MARIA, COURSE)] == [200, 200]
        yield running


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A service whose volume is empty and whose log is of one test alone."""
    root = tmp_path / "root"
    root.mkdir(mode=0o755)
    with server(tmp_path, root).running() as running:
        yield running


def test_a_home_is_made_and_the_log_has_a_line_for_each_change(own: Server) -> None:
    status, reply = own.ask(MARIA)
    assert status == 200
    assert [change["path"] for change in reply["changes"]] == ["home", "home/01", "home/01/maria"]
    assert owned(own.root / "home/01/maria") == "0700 20001:20001"
    assert "home maria: make home/01/maria 0700 20001:20001" in own.log.read_text()
    assert own.ask(MARIA) == (200, {"changes": []})


def test_a_course_gets_its_directories(own: Server) -> None:
    assert own.ask(COURSE)[0] == 200
    assert owned(own.root / "course/python-intro/files") == "2770 0:70101"
    assert owned(own.root / "exchange/python-intro/inbound") == "3773 0:70101"


async def test_what_people_store_is_what_the_hub_warns_them_by(service: Server) -> None:
    (service.root / "home/01/maria/large").write_bytes(os.urandom(2 * 2**20))
    values = f"""{SITE}
quotas: {{home: {{size: 10M}}, people: {{maria: {{size: 2M}}}}}}
usage: {{provider: filesystem}}
provisioner: {{url: "{service.url}"}}
"""
    picture = await SiteProvider(Provisioner(service.token, logging.getLogger("tests")))(site(values))
    (service.root / "home/01/maria/large").unlink()
    note = fullness.home_notice(picture.homes["maria"], warn=90)
    assert note
    assert note.text.startswith("Your home holds 2 of 2 MiB. Saving may fail.")


@pytest.mark.parametrize("token", ["", "wrong", "right-token2", "right-toke", "Bearer right-token", "\xff"])
def test_without_the_token_nothing_is_made(service: Server, token: str) -> None:
    status, reply = service.ask(MARIA | {"name": "stranger"}, token=token)
    assert (status, reply) == (401, {"refusal": "the token is missing or wrong"})
    assert not (service.root / "home/01/stranger").exists()


def test_a_rotated_token_is_used_at_once_and_the_old_one_no_more(service: Server) -> None:
    old = service.token.read_text().strip()
    try:
        service.token.write_text("another-token")
        assert service.ask(MARIA, token=old)[0] == 401
        assert service.ask(MARIA, token="another-token")[0] == 200
    finally:
        service.token.write_text(old)


@pytest.mark.parametrize("content", ["", "\n", None], ids=["empty", "a line's end", "no file"])
def test_with_no_token_to_know_nobody_is_known(service: Server, content: str | None) -> None:
    old = service.token.read_text()
    try:
        service.token.unlink()
        if content is not None:
            service.token.write_text(content)
        assert [service.ask(MARIA, token=token)[0] for token in ("", " ", "right-token")] == [401] * 3
    finally:
        service.token.write_text(old)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="half an object"),
        pytest.param({"verb": "remove", "name": "maria"}, id="another verb"),
        pytest.param({"verb": "check", **COURSE_ALONE, "repair": True}, id="the ssh door's check"),
        pytest.param({"verb": "people"}, id="the ssh door's people"),
        pytest.param({"verb": "quota", "home": "maria", "size": 1024}, id="the ssh door's quota"),
        pytest.param(LOOK | {"others": ["../etc"]}, id="a look beside the volume"),
        pytest.param(LOOK | {"others": ["/etc"]}, id="a look at the root"),
        pytest.param(MARIA | {"name": "../../etc"}, id="dots"),
        pytest.param(MARIA | {"name": "ma ria"}, id="a space"),
        pytest.param(MARIA | {"name": "maria\n"}, id="a newline"),
        pytest.param(MARIA | {"uid": 0}, id="root"),
        pytest.param(MARIA | {"uid": "20001"}, id="a uid as text"),
        pytest.param(COURSE | {"slug": "a/b"}, id="a slash"),
        pytest.param(COURSE | {"gid": 0}, id="root's group"),
        pytest.param(COURSE | {"slug": "another", "gid": 20001}, id="F15 a student's group"),
        pytest.param(COURSE | {"gid": 70105}, id="F15 another group"),
        pytest.param(MARIA | {"gid": 70101}, id="F15 a home with a course's group"),
        pytest.param(MARIA | {"uid": 19999}, id="a uid below the site's least"),
        pytest.param(MARIA | {"name": "emma"}, id="I8 another name of maria's uid"),
        pytest.param(MARIA | {"uid": 20003}, id="I8 another uid of maria"),
    ],
)
def test_what_is_no_request_is_refused_and_changes_nothing(service: Server, request_: object) -> None:
    before = sorted(service.root.rglob("*"))
    status, reply = service.ask(request_)
    assert status == 422
    assert reply["refusal"].isprintable()
    assert sorted(service.root.rglob("*")) == before


def test_a_look_says_what_is_there_and_whose_it_is(service: Server) -> None:
    assert service.ask(LOOK) == (200, {"refusal": None, "reason": "other"})
    status, reply = service.ask(LOOK | {"others": ["software"]})
    assert (status, reply["reason"]) == (200, "directories")
    assert "The course's directory software does not exist yet" in reply["refusal"]
    assert service.ask({"verb": "answers"}) == (200, {"refusal": None, "reason": "other"})


def test_what_only_looks_makes_nothing_and_starts_where_it_could_not(tmp_path: Path) -> None:
    with server(tmp_path / "service", tmp_path / "nowhere", look=True).running() as looker:
        for request in (MARIA, COURSE, {"verb": "usage"}):
            status, reply = looker.ask(request)
            assert status == 422
            assert "this service may be asked for answers, look, not for" in reply["refusal"]
        assert looker.ask(LOOK)[1]["refusal"].startswith("Your home directory does not exist yet")
        assert looker.ask(LOOK, token="another")[0] == 401
    assert not (tmp_path / "nowhere").exists()


def refusals(service: Server) -> list[str]:
    return [line for line in service.log.read_text().splitlines() if "does not have the token" in line]


def test_who_asks_without_the_token_makes_the_log_no_longer_than_a_line(own: Server) -> None:
    for number in range(200):
        name = "\x1b[31m" + "x" * 4000
        assert own.ask(MARIA | {"name": name}, token=f"{number}" + "y" * 4000)[0] == 401
    (line,) = refusals(own)
    assert line.endswith("refused a request from 127.0.0.1, which does not have the token")
    assert len(own.log.read_text()) < 300


@pytest.mark.parametrize(
    "sent",
    [b"GET / HTTP/1.1\r\nbad header\x1b[31m: x\r\n\r\n", b"NO\x00SENSE\r\n\r\n", b"GET /" + b"x" * 20000 + b"\r\n\r\n"],
    ids=["a header", "no HTTP", "a long line"],
)
def test_what_is_no_http_leaves_a_line_at_most_and_no_traceback(own: Server, sent: bytes) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", own.port), timeout=30) as client:
            client.sendall(sent)
            while client.recv(4096):
                pass
    lines = own.log.read_text().splitlines()
    assert len(lines) <= 1, lines
    assert all(line.isprintable() and len(line) < 300 for line in lines)
    assert own.ask(MARIA)[0] == 200


@pytest.mark.parametrize("look", [False, True], ids=["makes", "only looks"])
def test_who_connects_and_says_nothing_keeps_nobody_out_and_is_not_waited_for(tmp_path: Path, look: bool) -> None:
    """As many as a machine's usual limit would let in, and more."""
    root = tmp_path / "root"
    root.mkdir(mode=0o755)
    limited = ("prlimit", "--nofile=64:4096")
    with server(tmp_path, root, timeout=2, prefix=limited, look=look).running() as service, ExitStack() as silent:
        address = ("127.0.0.1", service.port)
        some = [silent.enter_context(socket.create_connection(address, timeout=30)) for _ in range(100)]
        some[0].sendall(b"POST /requests HTTP/1.1\r\nHost: x\r\n")
        assert service.ask({"verb": "answers"})[0] == 200
        assert not [one for one in some if one.recv(1)], "each is closed, as nobody there is heard"


def test_too_large_a_request_is_not_even_read(service: Server) -> None:
    assert service.ask(b" " * 1_000_000)[0] == 413


def test_i5_a_home_that_is_somebody_elses_is_refused_and_stays_theirs(own: Server) -> None:
    home = own.root / "home/01/jonas"
    home.mkdir(parents=True)
    os.chown(home, 20101, 20101)
    home.chmod(0o700)
    status, reply = own.ask({"verb": "home", "name": "jonas", "uid": 20001, "gid": 20001})
    assert status == 422
    assert "belongs to uid 20101" in reply["refusal"]
    assert owned(home) == "0700 20101:20101"


def test_many_at_once_for_one_name_make_one_home(own: Server) -> None:
    replies: list[tuple[int, int]] = []

    def ask() -> None:
        status, answer = own.ask({"verb": "home", "name": "crowd", "uid": 20055, "gid": 20055})
        replies.append((status, sum(change["path"] == "home/55/crowd" for change in answer["changes"])))

    threads = [threading.Thread(target=ask) for _ in range(30)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(replies) == [(200, 0)] * 29 + [(200, 1)]


def capabilities() -> str:
    """What the chart lets the pod do, for setpriv."""
    text = (ROOT / "chart/templates/_helpers.tpl").read_text()
    (line,) = [each for each in text.splitlines() if each.strip().startswith("add: [")]
    return ",".join(["-all", *(f"+{name.lower()}" for name in yaml.safe_load(line)["add"])])


def test_with_the_capabilities_of_its_pod_it_makes_everything(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir(mode=0o755)
    allowed = capabilities()
    prefix = [
        *("setpriv", f"--bounding-set={allowed}", f"--inh-caps={allowed}", "--clear-groups", "--no-new-privs"),
    ]
    with server(tmp_path, root, prefix=prefix).running() as service:
        assert service.ask(MARIA)[0] == 200
        assert service.ask(COURSE)[0] == 200
        assert owned(root / "home/01/maria") == "0700 20001:20001"
        assert owned(root / "course/python-intro/data") == "3777 0:70101"
        (root / "course/python-intro/files").chmod(0o700)
        assert service.ask(COURSE)[0] == 200
        assert owned(root / "course/python-intro/files") == "2770 0:70101"
