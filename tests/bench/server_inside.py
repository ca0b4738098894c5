"""Runs inside the image: one line of JSON a start, of each side in turn. server.py reads them.

Usage: python3 -P server_inside.py ROUNDS
"""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, "/mnt/singleuser")

import test_image  # in the image it lies there

START = ("coursehub-start", "python3", "-s", "-P", "-m", "jupyterhub.singleuser")
# Past coursehub-start, which takes the lean way in; `-m` of the same module is upstream's.
SIDES = {"coursehub": START, "plain": ("/init", "-s", "--", *START[1:])}
# What JupyterLab asks for on its first page, and a part of that that is looked at alone.
FIRST = {
    "settings": "lab/api/settings",
    "translations": "lab/api/translations",
    "contents": "api/contents/home/anna?content=1",
}


def measured(side: str) -> dict[str, float | str]:
    """Seconds of CPU up to the first answer and of each first request, and MiB in memory after the first answer."""
    test_image.fresh()
    # What coursehub-start leaves in a pod.
    test_image.run(["true"])
    process = subprocess.Popen(
        SIDES[side],
        env=test_image.environment("student"),
        cwd=test_image.HOME / "anna",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **test_image.ANNA,
    )
    try:
        _answered(process)
        (server,) = map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
        found: dict[str, float | str] = {"side": side, "start": _cpu(server), "memory": _memory(server)}
        for name, path in FIRST.items():
            before = _cpu(server)
            status, said = test_image.get(path)
            assert status == 200, (path, said)
            found[name] = _cpu(server) - before
        return found | {"memory of a page": _memory(server)}
    finally:
        test_image.stop(process)


def _answered(process: "subprocess.Popen[bytes]") -> None:
    for _ in range(6000):
        assert process.poll() is None, "the server ended"
        try:
            if test_image.get("api")[0] == 200:
                return
        except OSError:
            time.sleep(0.01)
    raise AssertionError("the server does not answer")


def _cpu(process: int) -> float:
    """Seconds, of all its threads."""
    return sum(int(each.read_text().split()[0]) for each in Path(f"/proc/{process}/task").glob("*/schedstat")) / 1e9


def _memory(process: int) -> float:
    """What is resident, in MiB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 2**10


def main() -> None:
    """All rounds; the first is for warming up."""
    threading.Thread(target=test_image.hub.serve_forever, daemon=True).start()
    for turn in range(int(sys.argv[1]) + 1):
        for side in SIDES:
            found = measured(side)
            if turn:
                print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
