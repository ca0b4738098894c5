"""Runs in the machine: as much of a hub as a person's server asks for at its start and for a token."""

import http.server
import json
import sys
from collections.abc import Mapping

PORT, SERVER_PORT, TOKEN = 8081, 8888, "token"


def environment(name: str) -> Mapping[str, str]:
    """What JupyterHub and KubeSpawner add to the plan's."""
    api = f"http://127.0.0.1:{PORT}/hub/api"
    scopes = json.dumps([f"access:servers!user={name}"])
    return {
        "JUPYTERHUB_API_TOKEN": TOKEN,
        "JUPYTERHUB_API_URL": api,
        "JUPYTERHUB_ACTIVITY_URL": f"{api}/users/{name}/activity",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_HOST": "",
        "JUPYTERHUB_USER": name,
        "JUPYTERHUB_CLIENT_ID": f"jupyterhub-user-{name}",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": scopes,
        "JUPYTERHUB_OAUTH_SCOPES": scopes,
        "JUPYTERHUB_SERVICE_PREFIX": f"/user/{name}/",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{SERVER_PORT}/user/{name}/",
        "JUPYTERHUB_DEFAULT_URL": f"/lab/tree/home/{name}",
        "JUPYTERHUB_DISABLE_USER_CONFIG": "1",
    }


class Hub(http.server.BaseHTTPRequestHandler):
    """Knows one person."""

    def answer(self) -> None:
        """Says who it is, whatever was asked."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", "5.5.4")
        self.end_headers()
        name = sys.argv[1]
        user = {"kind": "user", "name": name, "admin": False, "groups": [], "scopes": [f"access:servers!user={name}"]}
        self.wfile.write(json.dumps(user).encode())

    do_GET = do_POST = answer

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Hub).serve_forever()
