"""The pages on security: every point of upstream's has its own, and every test that they name is there."""

import ast
import os
import re
import socket
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/security.md").read_text()
REPORTING = (ROOT / "SECURITY.md").read_text()
TEST = re.compile(r"`((?:tests|images|ci)/[\w/.]+\.(?:py|sh|mjs))(?:::(\w+))?`")
NAMED = sorted({(file, name) for file, name in TEST.findall(PAGE) if name})
# The headings of zero-to-jupyterhub 4.4.0, docs/source/administrator/security.md.
Z2JH = [
    "Reporting a security issue",
    "HTTPS",
    "Set up your domain",
    "Set up automatic HTTPS",
    "Set up manual HTTPS",
    "Specify certificate in config.yaml",
    "Specify certificate through Secret resource",
    "Off-loading SSL to a Load Balancer",
    "Confirm that your domain is running HTTPS",
    "Minimal hub image",
    "Secure access to Helm",
    "Delete the Kubernetes Dashboard",
    "Use Role Based Access Control (RBAC)",
    "Kubernetes API Access",
    "Audit Cloud Metadata server access",
    "Block cloud metadata API with a NetworkPolicy enforced by a NetworkPolicy controller",
    "Block cloud metadata API with a privileged initContainer running iptables",
    "Kubernetes Network Policies",
    "Introduction to the chart's four network policies",
    "Enabling and disabling network policies",
    "Allowing additional inbound network connections (ingress)",
    "Allowing additional outbound network connections (egress)",
    "Restricting Load Balancer Access",
    "Host user servers on a subdomain",
]
# Of JupyterHub 5.5, docs/source/explanation/websecurity.md.
JUPYTERHUB = [
    "Semi-trusted and untrusted users",
    "Protect users from each other",
    "Sharing access to servers",
    "Mitigate security issues",
    "Enable user subdomains",
    "Disable user config",
    "Prevent spawners from evaluating shell configuration files",
    "Isolate packages in a read-only environment",
    "Encrypt internal connections with SSL/TLS",
    "Mitigating same-origin deployments",
    "Cookie tossing",
    "Forced-login",
    "Security audits",
    "Vulnerability reporting",
]


def anchor(heading: str) -> str:
    """As Sphinx makes it."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


def leads_to(page: str, url: str) -> bool:
    """Whether a point links to `url`, by a label of the page's end."""
    label = f"[{page}#{url.partition('#')[2]}]"
    return f"]{label}" in PAGE and f"\n{label}: {url}\n" in PAGE


def points() -> list[tuple[str, str]]:
    """The points of the checklists, each with its text."""
    part = PAGE[PAGE.index("## zero-to-jupyterhub's checklist") : PAGE.index("## What a submission can do")]
    return [(text.split("\n", 1)[0], text) for text in re.split(r"(?m)^### ", re.sub(r"(?m)^## .*$", "", part))[1:]]


@cache
def functions(file: str) -> set[str]:
    """The names of the functions of a Python file."""
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("heading", Z2JH)
def test_each_point_of_zero_to_jupyterhubs_page_has_its_own_here(heading: str) -> None:
    assert leads_to("z2jh", f"https://z2jh.jupyter.org/en/stable/administrator/security.html#{anchor(heading)}")


@pytest.mark.parametrize("heading", JUPYTERHUB)
def test_each_point_of_jupyterhubs_page_has_its_own_here(heading: str) -> None:
    page = "https://jupyterhub.readthedocs.io/en/stable/explanation/websecurity.html"
    assert leads_to("hub", f"{page}#{anchor(heading)}")


@pytest.mark.parametrize(("title", "text"), points(), ids=[title for title, _ in points()])
def test_a_point_says_what_the_chart_does_what_an_admin_does_and_what_shows_it(title: str, text: str) -> None:
    assert "\n- **The chart" in text or "\n- **Here:**" in text
    assert "\n- **You" in text
    assert "\n- **Shown by" in text
    shown = text.partition("\n- **Shown by")[2]
    assert TEST.search(shown) or shown.startswith(("** no test", "** what shows the points"))


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[f"{file}::{name}" for file, name in NAMED])
def test_a_test_that_the_page_names_is_there_and_its_name_is_a_sentence(file: str, name: str) -> None:
    assert name in functions(file)
    assert file.startswith("images/") or re.fullmatch(r"test(_[a-z0-9]+){4,}", name)


@pytest.mark.parametrize("file", sorted({file for file, _ in TEST.findall(PAGE)}))
def test_a_file_of_tests_that_the_page_names_is_there(file: str) -> None:
    assert (ROOT / file).is_file()


def test_the_page_names_no_test_without_its_folder() -> None:
    assert re.findall(r"`test_\w+[^`]*`", PAGE) == []


def test_the_contents_lead_to_every_part_of_the_page() -> None:
    parts = re.findall(r"(?m)^## (.+)$", PAGE)
    links = re.findall(r"\(#([\w-]+)\)", PAGE[: PAGE.index("\n## ")])
    assert links == [re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in parts]


def test_who_finds_a_hole_reads_where_to_report_it() -> None:
    text = " ".join(REPORTING.split())
    assert "*Security*, then *Report a vulnerability*" in text
    assert "](https://jupyter.org/security)" in text
    assert all(f"\n## {part}\n" in REPORTING for part in ("What you can expect", "Which versions get fixes"))
    assert not re.search(r"\S@\S+\.\w", REPORTING), "an address for mail that nobody reads"
    for page in ("docs/security.md", "README.md"):
        assert "SECURITY.md" in (ROOT / page).read_text(), page


def test_n7_the_command_says_of_each_place_whether_it_is_open_or_closed_or_has_no_name(tmp_path: Path) -> None:
    """N7: nothing that was not tried reads as closed; kubectl runs here what it runs in a pod."""
    (command,) = re.findall(r"(?ms)^ +kubectl [^\n]*'for there; .*?/80$", PAGE)
    (tmp_path / "kubectl").write_text('#!/bin/bash\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n')
    (tmp_path / "kubectl").chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as hub, socket.socket() as proxy:
        proxy.bind(("127.0.0.1", 0))
        hub_port, proxy_port = hub.getsockname()[1], proxy.getsockname()[1]
        for there, here in (
            ("hub/8081", f"localhost/{hub_port}"),
            ("proxy-api/8001", f"127.0.0.1/{proxy_port}"),
            ("kubernetes.default/443", f"127.0.0.1/{hub_port}"),
            ("nfs.example.edu/2049", "nfs.invalid/2049"),
            ("169.254.169.254/80", f"::1/{proxy_port}"),
        ):
            assert there in command
            command = command.replace(there, here)
        path = f"{tmp_path}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", command], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
        )
    assert done.stdout.splitlines() == [
        f"open: localhost/{hub_port}",
        f"closed: 127.0.0.1/{proxy_port}",
        f"open: 127.0.0.1/{hub_port}",
        "no such name: nfs.invalid/2049",
        f"closed: ::1/{proxy_port}",
    ]


def test_n7_without_such_a_pod_the_command_says_nothing_of_any_place(tmp_path: Path) -> None:
    """N7"""
    (command,) = re.findall(r"(?ms)^ +kubectl [^\n]*'for there; .*?/80$", PAGE)
    (tmp_path / "kubectl").write_text('#!/bin/bash\necho "Error from server (NotFound)" >&2\nexit 1\n')
    (tmp_path / "kubectl").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
