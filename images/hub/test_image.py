"""Runs inside the image: the versions that are listed and the package are there, and what the hub calls works."""
# ruff: noqa: S101, S108, BLE001, PT017  (a plain script: no pytest in the image)

import asyncio
import http.server
import importlib.metadata
import json
import ssl
import subprocess
import threading
from pathlib import Path


def versions() -> None:
    wanted = dict(
        line.split("==")
        for line in Path(__file__).with_name("requirements.in").read_text().splitlines()
        if "==" in line
    )
    assert len(wanted) > 80, "the list of upstream's versions is not there"
    found = {name: importlib.metadata.version(name) for name in wanted}
    assert found == wanted, {name: found[name] for name in wanted if found[name] != wanted[name]}


def hub_starts() -> None:
    version = subprocess.run(["jupyterhub", "--version"], user=1000, capture_output=True, text=True, check=True).stdout
    assert version.strip() == "5.5.4", version
    subprocess.run(["jupyterhub", "--generate-config", "-f", "/srv/jupyterhub/c.py"], user=1000, check=True, stdout=-3)
    modules = "kubespawner, oauthenticator.generic, ldapauthenticator, psycopg2, pymysql, yaml"
    subprocess.run(["python3", "-c", f"import {modules}; yaml.CSafeLoader"], user=1000, check=True)


def the_package_is_there() -> None:
    """The command works for any user, and the entrypoint becomes what it is given, as the same process."""
    schema = subprocess.run(["coursehub", "schema"], user=65534, capture_output=True, text=True, check=True).stdout
    assert json.loads(schema)["title"] == "Course file"
    entrypoint = ["python3", "-P", "-m", "coursehub.backup"]
    begun = subprocess.Popen([*entrypoint, "sh", "-c", "echo $$"], user=1000, stdout=subprocess.PIPE, text=True)
    assert begun.communicate()[0].strip() == str(begun.pid)
    package = Path("/opt/coursehub/lib/coursehub")
    assert not [path for path in package.rglob("*") if path.stat().st_uid or path.stat().st_mode & 0o022]


def requests_through_curl() -> None:
    """As upstream's configuration sends them; TLS trusts the system's authorities, and nobody else."""
    from certipy import Certipy
    from tornado.httpclient import AsyncHTTPClient

    store = Certipy(store_dir="/tmp/certificates")
    authority = store.create_ca("authority").get("files")
    files = store.create_signed_pair("localhost", "authority", alt_names=["DNS:localhost"]).get("files")

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "4")  # curl reports an end of TLS without one
            self.end_headers()
            self.wfile.write(b"fine")

        def log_message(self, format: str, *args: object) -> None:
            pass

    AsyncHTTPClient.configure("tornado.curl_httpclient.CurlAsyncHTTPClient")

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """The refused connection is what is wanted."""

    server = Server(("127.0.0.1", 0), Answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files["cert"], files["key"])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    async def fetch() -> bytes:
        return (await AsyncHTTPClient().fetch(f"https://localhost:{server.server_port}/")).body

    try:
        asyncio.run(fetch())
    except Exception as error:
        assert "certificate" in str(error), error
    else:
        raise AssertionError("an unknown authority is trusted")
    with Path("/etc/ssl/certs/ca-certificates.crt").open("a") as bundle:
        bundle.write(Path(authority["cert"]).read_text())
    assert asyncio.run(fetch()) == b"fine"


for test in (versions, hub_starts, the_package_is_there, requests_through_curl):
    test()
    print("passed:", test.__name__)
