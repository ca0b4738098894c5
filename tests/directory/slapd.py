"""A real slapd, on a free port, with a certificate of the tests' own authority."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BASE = "dc=example,dc=edu"
HUB = f"cn=hub,{BASE}"
PASSWORD = "for the hub only"
# Root may give anna's home to anybody; others have to be anna.
UID = os.getuid() or 30001

CONF = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/pid
{tls}
database mdb
suffix {base}
directory {folder}/data
maxsize 10485760
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact={hub} read by * none
rootdn cn=root,{base}
rootpw root
"""
TLS = """\
TLSCACertificateFile {folder}/ca.crt
TLSCertificateFile {folder}/localhost.crt
TLSCertificateKeyFile {folder}/localhost.key
"""


def account(dn: str, uid: int, *names: str, gid: int = 30001) -> str:
    """An entry of somebody, as LDIF."""
    lines = [f"dn: {dn},{BASE}", "objectClass: account", "objectClass: posixAccount", "cn: x", "homeDirectory: /x"]
    return "\n".join([*lines, f"uidNumber: {uid}", f"gidNumber: {gid}", *(f"uid: {name}" for name in names)])


def _by_name(name: str, gid: int, *members: str) -> str:
    lines = [f"dn: cn={name},ou=groups,{BASE}", "objectClass: posixGroup", f"gidNumber: {gid}"]
    return "\n".join([*lines, *(f"memberUid: {member}" for member in members)])


def _by_entry(name: str, gid: int | None, *members: str) -> str:
    lines = [f"dn: cn={name},ou=teams,{BASE}", "objectClass: groupOfNames", "objectClass: extensibleObject"]
    lines += [f"gidNumber: {gid}"] if gid is not None else []
    return "\n".join([*lines, *(f"member: {member},{BASE}" for member in members)])


BJORN = r"uid=bjorn,cn=Björn (x)*\2C Dr.\5C,ou=people"
ENTRIES = [
    f"dn: {BASE}\nobjectClass: domain",
    f"dn: {HUB}\nobjectClass: person\nsn: hub\nuserPassword: {PASSWORD}",
    *(
        f"dn: ou={name},{BASE}\nobjectClass: organizationalUnit"
        for name in ("people", "retired", "old", "groups", "teams")
    ),
    account("uid=anna,ou=people", UID, "anna"),
    account("uid=peter,ou=people", 30002, "peter", gid=30002),
    f"dn: cn=Björn (x)*\\2C Dr.\\5C,ou=people,{BASE}\nobjectClass: organizationalRole",
    account(BJORN, 30003, "bjorn"),
    account("uid=Kim,ou=people", 30004, "Kim"),
    account("uid=MRossi,ou=people", 30007, "MRossi"),
    account("uid=20001,ou=people", 30008, "20001"),
    account("uid=mar\u212a,ou=people", 30009, "mar\u212a"),
    *(account(f"uid={name},ou={unit}", 30030, name) for name, unit in (("Max", "people"), ("max", "old"))),
    account("uid=lea,ou=people", 30005, "lea", "lea.old"),
    account("uid=daemon,ou=people", 1, "daemon"),
    account("uid=vast,ou=people", 2**32, "vast"),
    account("uid=users,ou=people", 30006, "users", gid=100),
    *(account(f"uid=twin,ou={unit}", 30010 + number, "twin") for number, unit in enumerate(("people", "old"))),
    *(account(f"uid=three,ou={unit}", 30020 + n, "three") for n, unit in enumerate(("people", "old", "retired"))),
    _by_name("python-intro", 70101, "anna", "peter"),
    _by_name("ANNA", 70666, "Anna", "ann", "annabel"),
    _by_name("wheel", 10, "anna"),
    _by_name("Kurs Informatik 1", 70301, "MRossi", "20001"),
    _by_entry("physics", 70201, "uid=anna,ou=people", BJORN),
    _by_entry("staff", None, "uid=anna,ou=people", BJORN),
    _by_entry("tutors", 70204, "cn=staff,ou=teams", "cn=faculty,ou=teams"),
    _by_entry("faculty", None, "cn=tutors,ou=teams"),
    _by_entry("others", 70202, "uid=peter,ou=people"),
]


@dataclass(frozen=True)
class Slapd:
    """A slapd that runs."""

    folder: Path
    process: subprocess.Popen[bytes]
    port: int
    tls_port: int

    @property
    def starttls(self) -> str:
        """Where it speaks in the clear, and STARTTLS."""
        return f"ldap://localhost:{self.port}"

    @property
    def ldaps(self) -> str:
        """Where it speaks TLS from the first byte."""
        return f"ldaps://localhost:{self.tls_port}"

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It takes connections and says nothing in here."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def change(self, dn: str, attribute: str, value: object) -> None:
        """One attribute of an entry becomes `value`."""
        ldif = f"dn: {dn},{BASE}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n"
        root = ["-x", "-D", f"cn=root,{BASE}", "-w", "root", "-H", f"ldap://127.0.0.1:{self.port}"]
        subprocess.run(["ldapmodify", *root], input=ldif.encode(), check=True, capture_output=True)


def authority(folder: Path, name: str = "ca") -> None:
    """Makes NAME.crt, an authority of its own."""
    _openssl(folder, name, "-subj", f"/CN={name} of the tests", "-addext", "keyUsage=critical,keyCertSign")


def certificate(folder: Path, host: str) -> None:
    """Makes a certificate of `ca` for the host's name, as localhost.crt."""
    of = ["-CA", "ca.crt", "-CAkey", "ca.key", "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"]
    _openssl(folder, "localhost", *of, "-addext", "basicConstraints=critical,CA:FALSE")


def _openssl(folder: Path, name: str, *options: str) -> None:
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key"]
    command = ["openssl", "req", "-x509", "-days", "2", *key, "-out", f"{name}.crt", *options]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@contextmanager
def serve(
    folder: Path, host: str | None = "localhost", address: str = "127.0.0.1", more: Iterable[str] = ()
) -> Iterator[Slapd]:
    """A slapd with ENTRIES and more, and a certificate for `host` (None: without TLS), until the end of the block.

    It listens on this machine only, or at another `address` of it.
    """
    (folder / "data").mkdir()
    if host is not None:
        authority(folder)
        certificate(folder, host)
    tls = TLS.format(folder=folder) if host is not None else ""
    (folder / "slapd.conf").write_text(CONF.format(folder=folder, base=BASE, hub=HUB, tls=tls))
    ldif = "\n\n".join((*ENTRIES, *more))
    conf = ["-f", str(folder / "slapd.conf")]
    subprocess.run(["/usr/sbin/slapadd", *conf], input=ldif.encode(), check=True, capture_output=True)
    port, tls_port = _free_port(), _free_port()
    urls = f"ldap://{address}:{port}" + (f" ldaps://{address}:{tls_port}" if host is not None else "")
    process = subprocess.Popen(["/usr/sbin/slapd", "-d", "0", "-h", urls, *conf])
    try:
        _wait_for(process, address, port)
        yield Slapd(folder, process, port, tls_port)
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _wait_for(process: subprocess.Popen[bytes], address: str, port: int) -> None:
    for _ in range(200):
        assert process.poll() is None, "slapd ended"
        try:
            socket.create_connection((address, port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("slapd does not listen")
