"""What each person is offered on the page."""

import pytest
from playwright.sync_api import Page

from .browsing import log_in_by_browser
from .cluster import Installation


def offered(page: Page, installation: Installation) -> list[str | None]:
    page.goto(f"{installation.url}/hub/spawn")
    return [radio.get_attribute("value") for radio in page.locator("input[name=profile]").all()]


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        pytest.param("ines", ["data-analysis", "python-intro", "statistics-lab", "general"], id="student on a list"),
        pytest.param("lars", ["python-intro", "statistics-lab", "general"], id="student on no list"),
        pytest.param(
            "anna",
            [
                *("python-intro--instructor", "python-intro--grading", "statistics-lab--instructor"),
                "python-intro-2024--instructor",
                *("python-intro", "statistics-lab", "general"),
            ],
            id="instructor by the course file",
        ),
        pytest.param(
            "peter",
            ["data-analysis--instructor", "data-analysis--grading", "python-intro", "statistics-lab", "general"],
            id="instructor by the unix group",
        ),
        pytest.param("viktor", [], id="stranger"),
    ],
)
def test_each_person_sees_exactly_what_they_may_start(
    name: str, choices: list[str], page: Page, installation: Installation
) -> None:
    log_in_by_browser(page, installation, name)
    assert offered(page, installation) == choices
