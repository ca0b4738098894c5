"""A node that is taken away: its pods leave it first, and whoever waits reads for which."""

import tempfile
from pathlib import Path

import pytest

from ci.cluster import cluster, nodes
from ci.cluster.layout import Layout

# Ends the drain once the pods that are left were asked for.
KUBECTL = """#!/bin/sh
case "$*" in
  *" drain coursehub-2 "*) until [ -e {asked} ]; do sleep 0.05; done ;;
  *" get pods --all-namespaces --field-selector=spec.nodeName=coursehub-2 "*)
    echo "hub-1 jupyter-maria "
    touch {asked} ;;
esac
"""


def test_a_drain_that_takes_long_says_for_which_pods_it_waits(capsys: pytest.CaptureFixture[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="ch-") as folder:
        layout = Layout.from_environment({"COURSEHUB_STATE": folder})
        layout.bin.mkdir()
        layout.logs.mkdir()
        (layout.bin / "kubectl").write_text(KUBECTL.format(asked=Path(folder) / "asked"))
        (layout.bin / "kubectl").chmod(0o755)
        cluster.drain(nodes.node(layout, 2, 2), every=0.2)
    assert "waiting, 90 s at most, for the end of hub-1, jupyter-maria\n" in capsys.readouterr().out
