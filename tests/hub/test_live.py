"""A running hub and its course files: what is live, and what it says about it."""

import asyncio
import re
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from tests.authority import Authority
from tests.hub.conftest import SITE, Hub, until
from tests.support import COURSES

pytestmark = pytest.mark.asyncio(loop_scope="session")
COUNTED = ("coursehub_spawns", "coursehub_refusals", "coursehub_spawn_failures", "coursehub_server_failures")


async def metrics(hub: Hub) -> dict[str, float]:
    """What /hub/metrics says of courses; a version is told as `…`."""
    await hub.login("sofia")
    headers = {"Authorization": f"token {hub.app.users['sofia'].new_api_token()}"}
    async with hub._client() as client:
        text = (await client.get("metrics", headers=headers)).text
    found = re.findall(r"^(coursehub_\S+) (\S+)$", text, re.MULTILINE)
    return {re.sub(r'version="[0-9a-f]{7}"', 'version="…"', name): float(value) for name, value in found}


async def test_y23_a_broken_course_file_changes_nothing_in_the_running_hub_and_its_metrics_say_so(hub: Hub) -> None:
    fine = await metrics(hub)
    assert fine["coursehub_courses"] == 4
    assert fine['coursehub_course_info{course="data-analysis",version="…"}'] == 1
    assert (fine["coursehub_courses_load_error"], fine["coursehub_state_saved"]) == (0, 1)
    await hub.write_courses(COURSES[: COURSES.index("  statistics-lab")] + "  statistics-lab: {")
    broken = await metrics(hub)
    assert (broken["coursehub_courses"], broken["coursehub_courses_load_error"]) == (4, 1)
    assert broken['coursehub_course_stale{course="statistics-lab"}'] == 1
    assert broken["coursehub_courses_generation"] > fine["coursehub_courses_generation"]
    page = await (await hub.login("jonas")).page("spawn")
    assert page.choices == ["python-intro", "statistics-lab", "general"]


async def test_a_course_that_is_taken_out_leaves_page_and_metrics(hub: Hub) -> None:
    await hub.write_courses("courses:\n  only: {name: Only, students: everyone}\n")
    found = await metrics(hub)
    # What was counted of it stays until the hub restarts, as counters do.
    about = [name for name in found if "course=" in name and not name.startswith(COUNTED)]
    assert about == ['coursehub_course_info{course="only",version="…"}']
    assert (await (await hub.login("jonas")).page("spawn")).choices == ["only", "general"]


async def test_the_end_of_the_certificate_in_front_of_the_hub_is_a_metric_where_there_is_one(
    hub: Hub, tmp_path: Path
) -> None:
    name = "coursehub_certificate_expiry_timestamp_seconds"
    chain, key = Authority(tmp_path).sign("jupyter.example.edu")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    assert name not in await metrics(hub)
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        async with hub.values(f"{SITE}certificate: {{host: 127.0.0.1, port: {port}, name: jupyter.example.edu}}\n"):

            async def told() -> bool:
                return name in await metrics(hub)

            await until(told, "the certificate's end")
            found = await metrics(hub)
    end = x509.load_pem_x509_certificate(chain.read_bytes()).not_valid_after_utc
    assert found[name] == end.timestamp()


async def test_the_metrics_say_which_pod_is_a_server_of_which_course_while_it_runs(hub: Hub) -> None:
    assert await hub.start("maria", b'{"profile": "python-intro"}') == "ready"
    assert await hub.start("jonas", b'{"profile": "general"}') == "ready"
    name = 'coursehub_server_info{course="%s",role="%s",server="jupyter-%s",server_namespace="courses"}'
    student, general = name % ("python-intro", "student", "maria"), name % ("", "general", "jonas")
    found = await metrics(hub)
    assert {each for each in found if "server_info" in each} == {student, general}
    await hub.stop("maria")
    assert student not in await metrics(hub)
