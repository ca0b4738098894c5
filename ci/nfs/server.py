"""Runs inside the machine: a volume with quotas exported with Debian's settings, and mounted over NFS 4.2 and 3."""

import subprocess
from pathlib import Path

EXPORT = Path("/srv/share")
IMAGE = Path("/srv/share.ext4")
VERSIONS = ("4.2", "3")


def client(version: str) -> Path:
    """Where clients have the volume mounted."""
    return Path("/mnt") / version


def start() -> None:
    """Export the volume and mount it."""
    _run("ip", "link", "set", "lo", "up")
    EXPORT.mkdir()
    for module in ("loop", "quota_v2"):
        _run("modprobe", module)
    _run("truncate", "--size=256M", str(IMAGE))
    _run("mkfs.ext4", "-q", "-O", "quota,project", "-E", "quotatype=usrquota:prjquota", str(IMAGE))
    _run("mount", "-o", "loop,usrquota,prjquota", str(IMAGE), str(EXPORT))
    Path("/etc/exports").write_text(f"{EXPORT} 127.0.0.1(rw,sync,root_squash,no_subtree_check)\n")
    _run("modprobe", "nfsd")
    _run("mount", "-t", "nfsd", "nfsd", "/proc/fs/nfsd")
    for command in ("rpcbind", "rpc.statd", "rpc.mountd"):
        _run(command)
    _run("exportfs", "-r")
    serve()
    for version in VERSIONS:
        client(version).mkdir()
        _run("mount", "-t", "nfs", "-o", f"vers={version},hard", f"127.0.0.1:{EXPORT}", str(client(version)))


def serve() -> None:
    """Answer clients; nothing where it does."""
    if int(Path("/proc/fs/nfsd/threads").read_text()):
        return
    _run("rpc.nfsd", "--grace-time=10", "--lease-time=10", "4")
    # A server that starts waits for clients to reclaim their locks; nobody here has any.
    Path("/proc/fs/nfsd/v4_end_grace").write_text("Y")


def stop_serving() -> None:
    """Answer nobody, as when the storage host is down, and let clients forget what they know."""
    _run("rpc.nfsd", "0")
    Path("/proc/sys/vm/drop_caches").write_text("3")


def know(name: str, uid: int, gid: int) -> None:
    """Put a person without further groups on the server's own list, for the rest of the machine's life."""
    with Path("/etc/passwd").open("a") as passwd:
        passwd.write(f"{name}:x:{uid}:{gid}::/:/usr/sbin/nologin\n")
    _run("exportfs", "-f")


def _run(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.strip()}")
