"""The spawn test's program as a Job runs it: one line, and an exit code; tests/hub tries what it does."""

import asyncio
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from coursehub.spawntest import __main__ as spawntest


class Hub(http.server.BaseHTTPRequestHandler):
    """Says that the person may start nothing, and takes what was found."""

    found: dict[str, object]
    refusal: str | None = "The account 'x' is not known."

    def do_GET(self) -> None:
        """See spawntest."""
        known = self.headers["Authorization"] == "token abc"
        turn = {"user": "x", "course": "general", "refusal": self.refusal}
        self._say(200, turn) if known else self._say(403, {"message": "Only the service may ask."})

    def do_POST(self) -> None:
        """See spawntest."""
        type(self).found = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._say(204, None)

    def _say(self, status: int, body: object) -> None:
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def hub() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hub"
        server.shutdown()


@pytest.mark.parametrize(
    ("proxy", "server", "url", "headers"),
    [
        pytest.param(
            "http://proxy-public", "/user/x/", "http://proxy-public/user/x/", {}, id="one origin, within the cluster"
        ),
        pytest.param("https://hub.edu/p", "/p/user/x/", "https://hub.edu/p/user/x/", {}, id="one origin, as browsers"),
        pytest.param(
            "http://proxy-public",
            "https://x.hub.edu/user/x/",
            "http://proxy-public/user/x/",
            {"Host": "x.hub.edu"},
            id="its own origin, within the cluster",
        ),
        pytest.param(
            "https://hub.edu:8443",
            "https://x.hub.edu:8443/user/x/",
            "https://x.hub.edu:8443/user/x/",
            {},
            id="its own origin, as browsers",
        ),
        pytest.param(
            "http://b.edu",
            "https://x.hub-b.edu/user/x/",
            "http://b.edu/user/x/",
            {"Host": "x.hub-b.edu"},
            id="a name that only ends alike",
        ),
    ],
)
def test_a_server_is_looked_into_at_its_own_origin(proxy: str, server: str, url: str, headers: dict[str, str]) -> None:
    assert spawntest._way(proxy, server) == (url, headers)


def run(hub: str, folder: Path, content: str = "abc\n") -> int:
    (folder / "token").write_text(content)
    return spawntest.main([f"--hub={hub}", "--proxy=http://proxy", f"--token={folder / 'token'}"])


def test_what_is_wrong_is_one_sentence_and_told_to_the_hub(
    hub: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(hub, tmp_path) == 1
    assert capsys.readouterr() == ("", "spawn test of general: The account 'x' is not known.\n")
    assert isinstance(Hub.found.pop("seconds"), float)
    assert Hub.found == {"course": "general", "ok": False, "reason": "The account 'x' is not known."}


def test_a_token_that_the_hub_does_not_take_is_said(
    hub: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(hub, tmp_path, "other") == 1
    said = f"spawn test: GET {hub}/coursehub/spawn-test: 403 Only the service may ask.\n"
    assert capsys.readouterr() == ("", said)


def test_a_hub_that_can_be_reached_only_some_moments_later_is_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub, bind_and_activate=False) as server:
        server.server_bind()

        async def opens(_: float) -> None:
            server.server_activate()
            threading.Thread(target=server.serve_forever, daemon=True).start()

        monkeypatch.setattr(asyncio, "sleep", opens)
        assert run(f"http://127.0.0.1:{server.server_port}/hub", tmp_path) == 1
        server.shutdown()
    assert capsys.readouterr() == ("", "spawn test of general: The account 'x' is not known.\n")


def test_a_hub_that_does_not_answer_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spawntest, "REACHING", 0.0)
    assert run("http://127.0.0.1:9/hub", tmp_path) == 1
    assert capsys.readouterr().err.startswith(
        "spawn test: GET http://127.0.0.1:9/hub/coursehub/spawn-test: Cannot connect"
    )


def test_wrong_usage_is_told_from_a_report(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        spawntest.main(["--hub=http://hub"])
    assert ended.value.code == 2
    assert "--proxy" in capsys.readouterr().err
