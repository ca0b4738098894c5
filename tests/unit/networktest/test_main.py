"""The network test as a pod runs it: real connections, sentences, and an exit code."""

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from coursehub.networktest import __main__ as networktest
from coursehub.networktest.rules import Answer, Duty, Place

# Of names that are never anybody's (RFC 6761).
NAME = "hub.invalid"
WHO = ["--role=student", "--at=node-1"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One try after the other."""
    monkeypatch.setattr(networktest, "PAUSE", 0.0)


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A socket that takes connections."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server


def port(server: socket.socket) -> int:
    number: int = server.getsockname()[1]
    return number


@pytest.fixture
def opened() -> Iterator[int]:
    """A port that is open."""
    with listening() as server:
        yield port(server)


@pytest.fixture
def closed() -> Iterator[int]:
    """A port that refuses: it is taken, and nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield port(unused)


def run(hub: int, api: int, *more: str, longest: float = 0.0) -> int:
    places = [*WHO, f"--open=the hub=127.0.0.1:{hub}", f"--alive=the API server=127.0.0.1:{api}", *more]
    return networktest.main([*places, f"--longest={longest}"])


def test_where_policies_are_enforced_it_says_so(opened: int, closed: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(opened, closed, f"--closed=metadata=127.0.0.1:{closed}") == 0
    first, *said = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, on the node node-1, as a server of the role student:", first
    )
    assert said == [
        f"Open, as it has to be: the hub (127.0.0.1:{opened}).",
        f"Closed, as it has to be: the API server (127.0.0.1:{closed}).",
        f"Closed, as it has to be: metadata (127.0.0.1:{closed}).",
        "Network policies are enforced here.",
    ]


def test_n7_where_nothing_enforces_it_is_red_and_says_so(
    opened: int, closed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """N7: not enforced, or off."""
    assert run(opened, opened, f"--closed=metadata=127.0.0.1:{closed}") == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("Nothing enforces network policies here")


def test_where_the_hub_is_closed_nothing_is_said_of_what_is_closed(
    closed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(closed, closed) == 1
    _, said = capsys.readouterr().out.splitlines()
    assert said.startswith(f"Closed for 0 s, and it has to be open: the hub (127.0.0.1:{closed}).")


def test_dead_dns_never_reads_as_all_closed(closed: int, capsys: pytest.CaptureFixture[str]) -> None:
    places = [f"--open=the hub={NAME}:8081", f"--alive=the API server=127.0.0.1:{closed}"]
    assert networktest.main([*WHO, *places, "--longest=0"]) == 1
    _, said = capsys.readouterr().out.splitlines()
    assert said.startswith(f"The name {NAME} was not found for 0 s, so nothing is said of what is closed: ")


def test_what_is_open_for_a_moment_only_is_closed(opened: int, capsys: pytest.CaptureFixture[str]) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    number = port(server)

    def close_once_it_was_open() -> None:
        server.accept()
        server.close()

    threading.Thread(target=close_once_it_was_open, daemon=True).start()
    assert run(opened, number, longest=60) == 0
    assert f"Closed, as it has to be: the API server (127.0.0.1:{number})." in capsys.readouterr().out


class Found:
    """What each try of a place finds, in order; the last goes on."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = answers
        self.tries = 0

    async def __call__(self, place: Place) -> Answer:
        self.tries += 1
        return self.answers[min(self.tries, len(self.answers)) - 1]


API = Place(Duty.ALIVE, "the API server", "10.96.0.1", 443)
OPEN, CLOSED, NO_NAME, NO_DNS = Answer.OPEN, Answer.CLOSED, Answer.NO_NAME, Answer.NO_DNS


@pytest.mark.parametrize(
    ("found", "answer"),
    [
        pytest.param((CLOSED, OPEN), OPEN, id="away for a moment"),
        pytest.param((*[CLOSED] * 4, OPEN), OPEN, id="away a little longer"),
        pytest.param((NO_NAME, OPEN), OPEN, id="its name is late"),
        pytest.param((NO_DNS, OPEN), OPEN, id="DNS failed once"),
        pytest.param((NO_DNS,), NO_DNS, id="DNS fails always"),
        pytest.param((OPEN, CLOSED), CLOSED, id="open for a moment"),
    ],
)
def test_n7_what_has_to_be_closed_is_so_once_it_was_closed_several_times_in_a_row(
    monkeypatch: pytest.MonkeyPatch, found: tuple[Answer, ...], answer: Answer
) -> None:
    """N7: a server of the API that starts anew looks closed where nothing enforces."""
    monkeypatch.setattr(networktest, "reach", Found(*found))
    assert asyncio.run(networktest.settle(API, 0.5)) is answer


def test_what_was_closed_less_often_when_the_time_is_over_is_tried_on(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Found(CLOSED)
    monkeypatch.setattr(networktest, "reach", found)
    assert asyncio.run(networktest.settle(API, 0.0)) is CLOSED
    assert found.tries == API.times


@pytest.mark.parametrize(
    ("code", "answer"),
    [(socket.EAI_NONAME, NO_NAME), (socket.EAI_NODATA, NO_NAME), (socket.EAI_AGAIN, NO_DNS), (socket.EAI_FAIL, NO_DNS)],
)
def test_n4_only_what_dns_says_of_a_name_counts(monkeypatch: pytest.MonkeyPatch, code: int, answer: Answer) -> None:
    """N4: where DNS fails, the name of the file server is not taken for unknown."""

    def fails(*_: object, **__: object) -> None:
        raise socket.gaierror(code, "as resolvers say it")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    assert asyncio.run(networktest.reach(Place(Duty.CLOSED, "the file server", NAME, 2049))) is answer


def test_what_opens_late_is_open(closed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as hub:
        hub.bind(("127.0.0.1", 0))
        reach = networktest.reach

        async def reach_then_open(place: Place) -> Answer:
            answer = await reach(place)
            hub.listen()
            return answer

        monkeypatch.setattr(networktest, "reach", reach_then_open)
        assert run(port(hub), closed, longest=60) == 0


def test_a_name_with_two_addresses_is_open_where_one_of_them_is(
    opened: int, closed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of dual stack: the first address that does not answer must not make the place closed."""
    both = [(family, 1, 6, "", address) for family, address in ((2, ("127.0.0.9", 0)), (2, ("127.0.0.1", 0)))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    assert run(opened, closed) == 0


@pytest.mark.parametrize(
    "words",
    [
        [],
        [*WHO, "--open=the hub=hub:8081"],
        [*WHO, "--alive=it=x:1"],
        [*WHO, "--open=hub", "--alive=it=x:1"],
        ["--at=node-1", "--open=the hub=hub:8081", "--alive=it=x:1"],
        ["--role=student", "--open=the hub=hub:8081", "--alive=it=x:1"],
    ],
)
def test_without_its_places_it_says_how_it_is_used(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        networktest.main(words)
    assert ended.value.code == 2
    assert "usage: python3 -m coursehub.networktest" in capsys.readouterr().err
