"""The hub that `make up` installed, and people who use it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from coursehub import layout
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pytest_helm_charts.clusters import Cluster
from pytest_helm_charts.k8s.deployment import wait_for_deployments_to_run
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.chromium import DEAF

from .assignment import COURSE, clear
from .cluster import Installation, until
from .person import Person, arrive

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # What a test puts before a page in a server's name counts as from elsewhere, and would wait for its person's leave.
    "--disable-features=LocalNetworkAccessChecks",
]

# Whom tests that run beside the rest use, and nobody else does; sofia, an admin, starts no server beside anybody.
OTHERS = ("lena", "nils", "olga", "paul", "rosa")
PEOPLE_OF = {"others": OTHERS, "a course's": ("anna", "peter", "otto", "ines", "tom")}
REST = "the rest"
BESIDE = {
    **dict.fromkeys(("test_bounds", "test_configmaps", "test_course_file", "test_cull", "test_failures"), "others"),
    **dict.fromkeys(("test_attacks", "test_choices", "test_files", "test_formgrader"), "a course's"),
    **dict.fromkeys(
        ("test_graded_code", "test_grading", "test_instructor", "test_round_trip", "test_term"), "a course's"
    ),
    "test_spawn_test": "nobody",
}

# A busy machine may take its time; what is there is seen at once all the same.
expect.set_options(timeout=60_000)


class ByPeople(LoadScopeScheduling):  # type: ignore[misc]
    """A worker has all tests with the same people, so nobody is two tests' at once."""

    def _split_scope(self, nodeid: str) -> str:
        return BESIDE.get(Path(nodeid.partition("::")[0]).stem, REST)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByPeople:
    """`ci/e2e.sh tests/e2e -m "not alone" --numprocesses 4`."""
    return ByPeople(config, log)


@pytest.fixture(scope="session")
def installation() -> Installation:
    return Installation.here()


@pytest.fixture(autouse=True)
def hub_and_proxy_run(kube_cluster: Cluster, installation: Installation) -> None:
    """Every test begins with a hub and a proxy that answer."""
    wait_for_deployments_to_run(kube_cluster.kube_client, ["hub", "proxy"], installation.namespace, 120)
    until(installation.hub_is_ready, 120, "the hub behind the proxy")


def is_its_own(name: str, test: pytest.Item) -> bool:
    """Whether no test that runs beside this one uses `name`."""
    whose = next((lane for lane, people in PEOPLE_OF.items() if name in people), REST)
    return name == "sofia" or whose == BESIDE.get(test.path.stem, REST) or bool(test.get_closest_marker("alone"))


@pytest.fixture
def log_in(installation: Installation, request: pytest.FixtureRequest) -> Iterator[Callable[[str], Person]]:
    """Logs people in; what they leave running is stopped at the end of the test, beside the next one."""
    people: dict[str, Person] = {}

    def log_in(name: str) -> Person:
        assert is_its_own(name, request.node), f"tests that run beside this one use {name}: see PEOPLE_OF"
        if name not in people:
            people[name] = Person(installation.url, name, installation.password)
            # Somebody may have tried something before.
            people[name].stop()
        return people[name]

    yield log_in
    until(installation.hub_is_ready, 120, "a hub to stop the servers")
    before = installation.core()
    for person in people.values():
        person.leave(lambda: installation.core() != before)


@pytest.fixture(scope="session", autouse=True)
def nobody_is_left(installation: Installation) -> Iterator[None]:
    """At the end every server has ended."""
    yield
    until(installation.hub_is_ready, 120, "a hub to stop the servers")
    arrive()


@pytest.fixture
def empty_home(installation: Installation) -> Callable[[int, str], None]:
    """Empties a home, so that JupyterLab opens as it does for somebody new."""

    def empty(uid: int, name: str) -> None:
        for path in (installation.share / "home" / f"{uid % 100:02}" / name).iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return empty


@pytest.fixture
def empty_course(installation: Installation) -> Iterator[Path]:
    """The files of the course, with nothing in it or its exchange, and homes without anything of nbgrader."""
    clear(installation)
    yield installation.share / layout.course_files(COURSE)
    clear(installation)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**DEAF, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A new browser window with nothing remembered."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()
