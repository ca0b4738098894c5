"""The programs as they are started."""

import asyncio
import json
import os
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from ci.cluster import control, node, nodes, pki
from ci.cluster.layout import Layout
from ci.cluster.nodes import Node
from ci.cluster.processes import Program, Record
from ci.cluster.steps import wait_until
from tests import ports


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    folder = tmp_path_factory.mktemp("cluster")
    made = Layout(folder / "state", folder / "cache", 8000)
    made.state.mkdir()
    pki.ensure(made)
    return made


def programs(layout: Layout) -> dict[Node, tuple[Program, ...]]:
    """What each of two nodes runs; the first has the control plane too."""
    both = [nodes.node(layout, number, parts=2) for number in nodes.NUMBERS]
    found = {each: node.programs(each, "localhost/coursehub/pause:x") for each in both}
    return {**found, both[0]: (*control.programs(both[0]), *found[both[0]])}


def test_programs_listen_on_no_address_of_the_outside(layout: Layout) -> None:
    for each, found in programs(layout).items():
        ports = [port for program in found for port in program.ports]
        assert {address for address, _ in ports} <= {"127.0.0.1", each.address}
        assert len(ports) == len(set(ports))


def test_each_program_of_a_node_has_a_name_of_its_own(layout: Layout) -> None:
    first, second = programs(layout).values()
    assert sorted(program.name for program in first) == sorted((*control.NAMES, *node.NAMES))
    assert tuple(program.name for program in second) == node.NAMES


def test_the_nodes_of_a_machine_share_no_folder_that_a_program_writes_and_no_address(layout: Layout) -> None:
    first, second = programs(layout)
    for program in programs(layout)[second]:
        assert all(second.folder in path.parents for path in program.files), program.name
        assert first.address not in " ".join([*program.command, *program.files.values()]).replace(pki.SERVER, "")
    assert not ip_network(first.pods).overlaps(ip_network(second.pods))
    assert first.group in second.group
    assert not set(first.groups) & set(second.groups)


def test_a_node_with_a_network_of_its_own_runs_each_program_in_it(layout: Layout) -> None:
    first, second = programs(layout)
    for program in programs(layout)[second]:
        assert program.command[:2] == ("/usr/bin/nsenter", f"--net={second.namespace}")
    assert not any("nsenter" in program.command[0] for program in programs(layout)[first])


def kubelet(layout: Layout, parts: int = 1) -> dict[str, Any]:
    """The configuration of the kubelet of the first of so many nodes."""
    found = node.programs(nodes.node(layout, 1, parts), "x")
    (program,) = (program for program in found if program.name == "kubelet")
    (config,) = (json.loads(text) for path, text in program.files.items() if path.name == "kubelet.json")
    configuration: dict[str, Any] = config
    return configuration


def test_n9_a_pod_is_bounded_in_what_it_writes_to_its_node_and_in_processes(layout: Layout) -> None:
    config = kubelet(layout)
    assert config["localStorageCapacityIsolation"] is True
    assert config["podPidsLimit"] == 1024


def test_two_nodes_together_offer_the_machine_once(layout: Layout) -> None:
    def left(parts: int) -> dict[str, str]:
        reserved: dict[str, str] = kubelet(layout, parts)["systemReserved"]
        return reserved

    assert left(1) == {}
    assert int(left(2)["cpu"].removesuffix("m")) == (os.cpu_count() or 1) * 500


def test_a_forwarder_that_another_clone_started_holds_its_own_port_and_no_other() -> None:
    earlier = Record(1, 1, "", "", ("/usr/bin/socat", "TCP-LISTEN:8000,bind=127.0.0.1,fork,reuseaddr", "TCP:x:30080"))
    assert control.forwards(earlier, 8000)
    assert not control.forwards(earlier, 80)
    assert not control.forwards(earlier, 8001)


def test_what_a_forwarder_listens_on_is_known_of_its_command(layout: Layout) -> None:
    (program,) = (each for each in control.programs(nodes.node(layout, 1, parts=1)) if each.name == "forward")
    assert control.forwards(Record(1, 1, "", "", program.command), layout.port)


async def test_the_forwarder_holds_two_hundred_connections_that_come_at_once(layout: Layout) -> None:
    first = nodes.node(replace(layout, port=ports.free()), 1, parts=1)
    program = next(each for each in control.programs(first) if each.name == "forward")
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
