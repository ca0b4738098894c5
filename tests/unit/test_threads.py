"""What hangs keeps neither its caller nor the end of the process."""

import subprocess
import sys

import pytest
from coursehub.threads import in_thread


def test_what_the_work_returns_or_raises_is_the_answer() -> None:
    assert in_thread(lambda: 5, "test").result(10) == 5
    with pytest.raises(ZeroDivisionError):
        in_thread(lambda: 1 / 0, "test").result(10)


def test_a_process_ends_while_a_call_still_hangs() -> None:
    code = (
        "import time; from coursehub.threads import in_thread; in_thread(lambda: time.sleep(600), 'x'); print('ended')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "ended\n"
