"""The ssh door on a real sshd: a request does what it says, and the key does nothing else.

What is refused is each time also tried with a key that may do anything, on the same sshd: there it works.
"""

import json
import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from ci.cluster.steps import wait_until
from tests.ssh.sshd import Sshd

MARIA = {"verb": "home", "name": "maria", "uid": 20001, "gid": 20001}
COURSE = {"verb": "course", "slug": "python-intro", "gid": 70101, "data": "read-only"}
GREETING = b"here is what only the storage host can reach"


def sent(request: object) -> str:
    """The line that carries a request."""
    return f"{json.dumps(request)}\n"


def everything(sshd: Sshd) -> list[str]:
    """All that is on the volume."""
    return sorted(str(path.relative_to(sshd.volume)) for path in sshd.volume.rglob("*"))


@pytest.mark.parametrize("words", [(), ("request",)], ids=["no command", "the word request"])
def test_a_home_is_made_once_and_then_left_alone(sshd: Sshd, words: tuple[str, ...]) -> None:
    first = sshd.run(*words, send=sent(MARIA))
    assert first.returncode == 0, first.stderr
    made = {"path": "home/01/maria", "what": "make", "to": "0700 20001:20001", "done": True}
    assert made in json.loads(first.stdout)["changes"]
    home = (sshd.volume / "home/01/maria").stat()
    assert (stat.S_IMODE(home.st_mode), home.st_uid, home.st_gid) == (0o700, 20001, 20001)
    again = sshd.run(*words, send=sent(MARIA))
    assert (again.returncode, json.loads(again.stdout)) == (0, {"changes": []})


def test_a_course_is_made_checked_and_closed(sshd: Sshd) -> None:
    course = {"slug": "python-intro", "gid": 70101, "data": "read-only"}
    assert sshd.run(send=sent({"verb": "course", **course})).returncode == 0
    assert json.loads(sshd.run(send=sent({"verb": "check", **course})).stdout) == {"findings": []}
    assert sshd.run(send=sent({"verb": "course", **course, "archived": True})).returncode == 0
    assert stat.S_IMODE((sshd.volume / "course/python-intro/files").stat().st_mode) == 0o2750


@pytest.mark.parametrize(
    "wrong",
    [
        *(
            pytest.param(MARIA | {"name": name}, id=f"I2 {name!r}")
            for name in ("", ".", "..", "../../etc", "ma ria", "maria ", "maria\n", "$(id)", "`id`", "--help")
        ),
        pytest.param(MARIA | {"uid": 20002}, id="I5 another's uid"),
        pytest.param(MARIA | {"gid": 70101}, id="a course's gid"),
        pytest.param(MARIA | {"uid": 0, "name": "root"}, id="I1 root"),
        pytest.param(MARIA | {"uid": 999, "name": "daemon", "gid": 20100}, id="I1 below the minimum"),
        pytest.param(MARIA | {"uid": "20001"}, id="a uid that is text"),
        pytest.param(MARIA | {"name": "mallory"}, id="somebody whom the directory does not know"),
        pytest.param({"verb": "course", "slug": "../x", "gid": 70101, "data": "none"}, id="Y1 a path"),
        pytest.param({"verb": "shell"}, id="another verb"),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_in_one_line(sshd: Sshd, wrong: dict[str, Any]) -> None:
    done = sshd.run(send=sent(wrong))
    assert done.returncode == 1
    assert list(json.loads(done.stdout)) == ["refusal"]
    assert done.stdout.count("\n") == 1
    assert not done.stderr
    assert everything(sshd) == []


@pytest.mark.parametrize(
    ("key", "request_", "sentence"),
    [
        pytest.param(
            "home", COURSE, "this key may be asked for home, not for course", id="a verb that it does not have"
        ),
        pytest.param("home", {"verb": "people"}, "for home, not for people", id="who has a home"),
        pytest.param("door", COURSE | {"gid": 20001}, "gids 70100-79999, not 20001", id="a student's own gid"),
        pytest.param("door", {"verb": "usage"}, "for check, course, home, not for usage", id="what everybody takes"),
    ],
)
def test_f15_a_key_does_what_its_line_has_and_says_so_of_all_else(
    sshd: Sshd, key: str, request_: dict[str, Any], sentence: str
) -> None:
    done = sshd.run(key=key, send=sent(request_))
    assert done.returncode == 1
    assert sentence in json.loads(done.stdout)["refusal"]
    assert everything(sshd) == []
    assert sshd.run(key=key, send=sent(MARIA)).returncode == 0


def test_f15_a_key_gives_a_course_to_no_other_gid(sshd: Sshd) -> None:
    assert sshd.run(send=sent(COURSE)).returncode == 0
    before = {path: path.lstat().st_gid for path in sshd.volume.rglob("*")}
    for request in (COURSE | {"gid": 70105}, COURSE | {"gid": 70105, "verb": "check", "repair": True}):
        assert "belong to group 70101, not to 70105" in sshd.run(send=sent(request)).stdout
    assert {path: path.lstat().st_gid for path in sshd.volume.rglob("*")} == before


def test_i8_a_key_gives_nobody_anothers_uid_though_the_directory_says_so(sshd: Sshd) -> None:
    emma = sshd.volume / "home/01/emma"
    emma.mkdir(parents=True)
    os.chown(emma, 20001, 20001)
    done = sshd.run(send=sent(MARIA))
    assert done.returncode == 1
    assert "uid 20001 has the home home/01/emma" in json.loads(done.stdout)["refusal"]
    assert everything(sshd) == ["home", "home/01", "home/01/emma"]


@pytest.mark.parametrize(
    "words",
    [
        ("id",),
        ("/bin/sh",),
        ("request;", "id"),
        ("request\nid",),
        ("request", "&&", "id"),
        ("$(id)",),
        ("`id`",),
        ("request", "--root", "/"),
        ("storage", "door", "--root", "/", "--minimum-uid", "1"),
        ("coursehub", "storage", "ensure"),
        (" request",),
        ("request ",),
        ("REQUEST",),
        ("scp", "-t", "/root"),
        ("rsync", "--server", ".", "/root"),
        ("internal-sftp",),
        (json.dumps(MARIA),),
    ],
    ids=repr,
)
def test_each_other_command_is_refused_and_the_request_with_it(sshd: Sshd, words: tuple[str, ...]) -> None:
    done = sshd.run(*words, send=sent(MARIA))
    assert done.returncode == 1
    assert "this key runs no commands" in json.loads(done.stdout)["refusal"]
    assert "uid=0" not in done.stdout + done.stderr
    assert everything(sshd) == []


def test_the_other_key_runs_commands(sshd: Sshd) -> None:
    assert "uid=0" in sshd.run("request; id", key="anything").stdout


def test_a_variable_reaches_the_program_only_where_it_means_nothing_to_it(sshd: Sshd) -> None:
    marker, module = sshd.folder / "marker", sshd.folder / "hostile"
    module.mkdir(exist_ok=True)
    hostile = f"open({str(marker)!r}, 'w')\n"
    (module / "sitecustomize.py").write_text(hostile)
    (module / "script").write_text(f"touch {marker}\n")
    mean = {
        "PYTHONPATH": str(module),
        "PYTHONSTARTUP": str(module / "sitecustomize.py"),
        "BASH_ENV": str(module / "script"),
        "ENV": str(module / "script"),
        "LD_PRELOAD": str(module / "script"),
        "PATH": str(module),
        "SSH_ORIGINAL_COMMAND": "id",
        "COURSEHUB_ROOT": "/",
        "LC_ALL": "../../../tmp/x",
        "LC_EVIL": "$(id)",
    }
    settings = " ".join(f'{name}="{value}"' for name, value in mean.items())
    done = sshd.run(options=("-o", f"SetEnv {settings}"), send=sent(MARIA))
    assert done.returncode == 0, done.stderr
    assert "home/01/maria" in [change["path"] for change in json.loads(done.stdout)["changes"]]
    assert {name for name, value in mean.items() if sshd.seen.get(name) == value} == {"LC_ALL", "LC_EVIL"}
    assert not marker.exists()


def test_a_terminal_is_refused(sshd: Sshd) -> None:
    done = sshd.run(options=("-tt",), send=sent(MARIA))
    assert "PTY allocation request failed" in done.stderr
    assert everything(sshd) == []
    assert "/dev/pts/" in sshd.run("tty", options=("-tt",), key="anything").stdout


@contextmanager
def agent(folder: Path) -> Iterator[str]:
    """A running agent's socket."""
    place = folder / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(place)], stdout=subprocess.DEVNULL)
    try:
        assert wait_until(place.exists, 30)
        yield str(place)
    finally:
        process.terminate()
        process.wait()
        place.unlink(missing_ok=True)


def test_an_agent_is_not_forwarded(sshd: Sshd) -> None:
    with agent(sshd.folder) as place:
        assert sshd.run(options=("-A",), send=sent(MARIA), SSH_AUTH_SOCK=place).returncode == 0
        assert "SSH_AUTH_SOCK" not in sshd.seen
        other = sshd.run("echo $SSH_AUTH_SOCK", options=("-A",), key="anything", SSH_AUTH_SOCK=place)
        assert other.stdout.startswith("/")


def test_a_display_is_not_forwarded_and_no_rc_file_is_run(sshd: Sshd) -> None:
    done = sshd.run(options=("-v", "-Y"), send=sent(MARIA), DISPLAY="127.0.0.1:99")
    assert "DISPLAY" not in sshd.seen
    options = [line for line in done.stderr.splitlines() if "key options:" in line]
    assert options
    assert all(line.split("key options:")[1].split() == ["command"] for line in options)
    other = sshd.run("true", options=("-v",), key="anything").stderr
    assert "x11-forwarding" in other
    assert "user-rc" in other


@pytest.fixture
def inner() -> Iterator[int]:
    """The port of a server that only this machine reaches, which greets whoever comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(GREETING)

        Thread(target=greet, daemon=True).start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(("key", "reached"), [("door", False), ("anything", True)])
def test_no_connection_goes_through_standard_input_and_output(sshd: Sshd, inner: int, key: str, reached: bool) -> None:
    done = sshd.run(options=("-W", f"127.0.0.1:{inner}"), key=key)
    assert (GREETING.decode() in done.stdout) is reached
    assert ("prohibited" in done.stderr) is not reached


def reaches(sshd: Sshd, key: str, option: str, *says: bytes) -> bool:
    """Whether the greeting comes through a local port that ssh forwards; if not, because the server forbids it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    log = sshd.folder / "client.log"
    words = ["-N", *option.format(port=port).split()]
    with log.open("wb") as stderr:
        process = subprocess.Popen(sshd.command(*words, key=key), stderr=stderr)
    try:
        assert wait_until(lambda: _connects(port), 30), log.read_text()
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            for each in says:
                client.sendall(each)
            if key == "door":
                # ssh leaves the client of a refused connection waiting.
                assert wait_until(lambda: "administratively prohibited" in log.read_text(), 30), log.read_text()
                return False
            found = b""
            while GREETING not in found and (part := client.recv(4096)):
                found += part
            return GREETING in found
    finally:
        process.terminate()
        process.wait()


def _connects(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(("key", "reached"), [("door", False), ("anything", True)])
def test_no_local_port_is_forwarded(sshd: Sshd, inner: int, key: str, reached: bool) -> None:
    assert reaches(sshd, key, f"-L {{port}}:127.0.0.1:{inner}") is reached


@pytest.mark.parametrize(("key", "reached"), [("door", False), ("anything", True)])
def test_there_is_no_proxy(sshd: Sshd, inner: int, key: str, reached: bool) -> None:
    to = b"\5\1\0\1" + socket.inet_aton("127.0.0.1") + inner.to_bytes(2, "big")
    assert reaches(sshd, key, "-D {port}", b"\5\1\0", to) is reached


@pytest.mark.parametrize("to", ["0:127.0.0.1:9", "{folder}/listens:127.0.0.1:9"], ids=["a port", "a socket"])
def test_no_remote_port_is_forwarded(sshd: Sshd, to: str) -> None:
    options = ("-o", "ExitOnForwardFailure=yes", "-R", to.format(folder=sshd.folder))
    refused = sshd.run(options=options, send=sent(MARIA))
    assert refused.returncode == 255
    assert "remote port forwarding failed" in refused.stderr
    assert everything(sshd) == []
    assert sshd.run("true", options=options, key="anything").returncode == 0


def test_no_tunnel_is_made(sshd: Sshd) -> None:
    done = sshd.run(options=("-v", "-o", "ExitOnForwardFailure=yes", "-w", "any:any"), send=sent(MARIA))
    assert done.returncode == 255
    assert "Server has rejected tunnel device forwarding" in done.stderr
    assert everything(sshd) == []


@pytest.mark.parametrize("program", ["scp", "scp -O", "sftp"])
def test_no_file_is_copied(sshd: Sshd, program: str) -> None:
    secret, copy = sshd.folder / "secret", sshd.folder / "copy"
    secret.write_text("only the storage host's")

    def copied(key: str) -> bool:
        copy.unlink(missing_ok=True)
        words = [*program.split(), *sshd.options(key), "-P", str(sshd.port), f"root@127.0.0.1:{secret}", str(copy)]
        done = subprocess.run(words, input="", capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode == 0) is copy.exists()
        return copy.exists()

    assert not copied("door")
    assert copied("anything")
