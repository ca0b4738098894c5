"""Runs in the image, for server_inside.py: one line of JSON a start, of each side in turn.

Usage: python3 -P inside.py ROUNDS, with the image's own tests on PYTHONPATH
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import test_image

SERVER = ("python3", "-s", "-P", "-m", "jupyterhub.singleuser")
# `coursehub-start` runs the first in our way, and is past when the second begins.
SIDES = {"coursehub": ("coursehub-start", *SERVER), "plain": ("/init", "-s", "--", *SERVER)}
# What JupyterLab asks for on its first page.
PAGE = ("lab", "lab/api/settings", "lab/api/translations", "api/contents/home/anna?content=1", "api/kernelspecs")


def measured(side: str) -> dict[str, float | str]:
    """Seconds of CPU up to the first answer and for the first page, and MiB in memory after each."""
    test_image.fresh()
    # What coursehub-start leaves in a pod is there on both sides.
    subprocess.run(["coursehub-start", "true"], env=test_image.environment("student"), check=True, **test_image.ANNA)
    process = subprocess.Popen(
        SIDES[side],
        env=test_image.environment("student"),
        cwd=test_image.HOME / "anna",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **test_image.ANNA,
    )
    try:
        answered(process)
        (server,) = map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
        start, memory = cpu(server), resident(server)
        for path in PAGE:
            status, said = test_image.get(path)
            assert status == 200, (path, said)
        page, more = cpu(server) - start, resident(server)
        return {"side": side, "start": start, "memory": memory, "page": page, "memory of a page": more}
    finally:
        test_image.stop(process)


def answered(process: "subprocess.Popen[bytes]") -> None:
    """Waits for the first answer."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        assert process.poll() is None, "the server ended"
        try:
            if test_image.get("api")[0] == 200:
                return
        except OSError:
            time.sleep(0.01)
    raise AssertionError("the server does not answer")


def cpu(process: int) -> float:
    """Seconds, its own and the kernel's for it."""
    user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def resident(process: int) -> float:
    """What is in memory, in MiB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 2**10


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
