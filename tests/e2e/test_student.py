"""A student's day, in a browser, and what the server is to the operating system."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from .browsing import log_in_by_browser
from .cluster import Installation
from .person import Person

LogIn = Callable[[str], Person]

STUDENT = "uid=20001(maria) gid=20001(maria) groups=20001(maria),70001(teaching)"
SHELL_PROMPT_SECONDS = 20_000


def test_a_student_starts_a_course_in_the_browser_and_works_in_it(
    page: Page, installation: Installation, log_in: LogIn, empty_home: Callable[[int, str], None]
) -> None:
    empty_home(20001, "maria")
    log_in("maria")
    log_in_by_browser(page, installation, "maria")
    page.goto(f"{installation.url}/hub/spawn")
    page.get_by_label("Introduction to Programming", exact=False).first.check()
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile(r"/user/maria/lab/tree/home/maria"), timeout=180_000)
    expect(page.locator(".jp-Launcher")).to_be_visible()

    # A notebook with one cell, by mouse and keyboard.
    page.locator(".jp-LauncherCard[data-category=Notebook]").first.click()
    expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible()
    page.locator(".jp-Notebook:visible .jp-CodeCell .cm-content").first.click()
    page.keyboard.type("import os; print('worked as', os.getuid())")
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output").first).to_contain_text("worked as 20001")

    # A terminal; xterm paints on a canvas, so the proof is what the typed line leaves in the home.
    page.get_by_text("File", exact=True).first.click()
    page.get_by_text("New", exact=True).first.hover()
    page.get_by_role("menuitem", name="Terminal").click()
    page.locator(".jp-Terminal .xterm-screen").first.click()
    page.keyboard.type("(id; umask; pwd) > ~/browser-terminal.txt; echo done\n")
    maria = log_in("maria")
    content = ""
    for _ in range(120):
        page.wait_for_timeout(500)
        answer = maria.server("GET", "/api/contents/home/maria/browser-terminal.txt?content=1")
        content = answer.json().get("content", "") if answer.status_code == 200 else ""
        if content.count("\n") == 3:
            break
    assert content.splitlines()[:2] == [STUDENT, "0077"]


def test_a_students_server_has_exactly_the_contracts_identity_and_mounts(log_in: LogIn) -> None:
    maria = log_in("maria")
    maria.start("python-intro")
    assert maria.terminal("id") == STUDENT
    assert maria.terminal("umask") == "0077"
    assert maria.kernel().run("import os; print(oct(os.umask(0o077)), os.getuid(), os.getgid(), os.getgroups())") == (
        "0o77 20001 20001 [20001, 70001]\n"
    )
    assert maria.terminal('echo "$HOME $USER"; cd && pwd') == "/home/maria maria\n/home/maria"
    assert "Permission denied" in maria.terminal("touch /coursedata/mine 2>&1") or "Read-only" in maria.terminal(
        "touch /coursedata/mine 2>&1"
    )
    assert maria.terminal("ls -d /course 2>&1") == "ls: cannot access '/course': No such file or directory"
    assert maria.terminal("cat /proc/self/status | grep CapEff").split() == ["CapEff:", "0000000000000000"]
    assert maria.terminal("ls /var/run/secrets/kubernetes.io 2>&1").endswith("No such file or directory")


def test_a_home_is_still_there_after_stop_and_start(log_in: LogIn) -> None:
    jonas = log_in("jonas")
    jonas.start("general")
    jonas.terminal("echo kept > ~/kept.txt")
    jonas.stop()
    jonas.start("statistics-lab")
    assert jonas.terminal("cat ~/kept.txt; stat -c '%a %U' ~/kept.txt ~") == "kept\n600 jonas\n700 jonas"


def test_a_homes_owner_alone_can_look_into_it(log_in: LogIn) -> None:
    jonas = log_in("jonas")
    jonas.start("general")
    mounts = jonas.terminal("grep ' /home' /proc/mounts | cut -d' ' -f2")
    assert mounts == "/home/jonas"


def test_a_link_chooses_and_never_starts(log_in: LogIn, page: Page, installation: Installation) -> None:
    """P3"""
    log_in("maria")
    log_in_by_browser(page, installation, "maria")
    page.goto(f"{installation.url}/hub/spawn?profile=statistics-lab")
    expect(page.locator("input[value=statistics-lab]")).to_be_checked()
    page.wait_for_timeout(2000)
    assert installation.pod_of("maria") is None
