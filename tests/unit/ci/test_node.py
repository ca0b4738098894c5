"""The programs as they are started."""

import asyncio
from dataclasses import replace

import pytest

from ci.cluster import network, node, pki
from ci.cluster.layout import Layout
from ci.cluster.processes import Record
from ci.cluster.steps import wait_until
from tests import ports


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    folder = tmp_path_factory.mktemp("cluster")
    made = Layout(folder / "state", folder / "cache", 8000)
    made.state.mkdir()
    pki.ensure(made)
    return made


def test_programs_listen_on_no_address_of_the_outside(layout: Layout) -> None:
    programs = node.programs(layout, "localhost/coursehub/pause:x")
    assert tuple(program.name for program in programs) == node.NAMES
    assert {address for program in programs for address, _ in program.ports} == {"127.0.0.1", network.NODE_IP}
    every = [port for program in programs for port in program.ports]
    assert len(every) == len(set(every))


def test_a_forwarder_that_another_clone_started_holds_its_own_port_and_no_other() -> None:
    earlier = Record(1, 1, "", "", ("/usr/bin/socat", "TCP-LISTEN:8000,bind=127.0.0.1,fork,reuseaddr", "TCP:x:30080"))
    assert node.forwards(earlier, 8000)
    assert not node.forwards(earlier, 80)
    assert not node.forwards(earlier, 8001)


def test_what_a_forwarder_listens_on_is_known_of_its_command(layout: Layout) -> None:
    (program,) = (each for each in node.programs(layout, "x") if each.name == "forward")
    assert node.forwards(Record(1, 1, "", "", program.command), layout.port)


async def test_the_forwarder_holds_two_hundred_connections_that_come_at_once(layout: Layout) -> None:
    program = next(each for each in node.programs(replace(layout, port=ports.free()), "x") if each.name == "forward")
    ((address, port),) = program.ports

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readline()
        # Nobody is served at once.
        await asyncio.sleep(0.2)
        writer.write(asked)
        writer.close()

    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection(address, port)
        writer.write(b"asked\n")
        answer = await reader.read()
        writer.close()
        return answer

    async with await asyncio.start_server(serve, address, 0, backlog=1024) as behind:
        target = f"TCP:{address}:{behind.sockets[0].getsockname()[1]}"
        forward = await asyncio.create_subprocess_exec(*program.command[:-1], target)
        try:
            assert await asyncio.to_thread(wait_until, program.works, 10)
            async with asyncio.timeout(10):
                answers = await asyncio.gather(*(ask() for _ in range(200)))
            assert answers == [b"asked\n"] * 200
        finally:
            forward.kill()
            await forward.wait()
