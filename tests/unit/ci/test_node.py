"""The programs as they are started."""

import pytest

from ci.cluster import network, node, pki
from ci.cluster.layout import Layout


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
