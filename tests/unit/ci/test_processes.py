"""A program is found again by its process, and by nobody else's."""

import json
import subprocess
from pathlib import Path

from ci.cluster import nodes, processes
from ci.cluster.layout import Layout


def test_a_program_starts_again_when_what_it_reads_changes() -> None:
    def program(text: str) -> processes.Program:
        return processes.Program("x", ("/bin/x",), lambda: True, files={Path("/etc/x"): text})

    assert program("a").digest() == program("a").digest() != program("b").digest()


def test_a_pid_that_is_somebody_elses_by_now_does_not_count(tmp_path: Path) -> None:
    node = nodes.node(Layout(tmp_path, tmp_path, 8000), 1, parts=1)
    node.run.mkdir()
    with subprocess.Popen(["sleep", "60"]) as child:
        mine = processes.Record(child.pid, processes.started(child.pid), processes.boot(), "digest", ("sleep", "60"))
        others = {
            "mine": mine,
            "later": processes.Record(child.pid, mine.started + 1, mine.boot, "digest", mine.command),
            "before-restart": processes.Record(child.pid, mine.started, "another boot", "digest", mine.command),
        }
        for name, record in others.items():
            (node.run / f"{name}.json").write_text(json.dumps(vars(record)))
        assert processes.record(node, "mine") == mine
        assert processes.record(node, "later") is None
        assert processes.record(node, "before-restart") is None
        processes.stop(mine)
        assert processes.record(node, "mine") is None
    (node.run / "cut-off.json").write_text('{"pid": 1')
    assert processes.record(node, "cut-off") is None
    assert processes.record(node, "never") is None
