"""Runs in a pod, with the image's Python: what JupyterLab does in a kernel and in a terminal, over their websockets.

The last line is JSON: what the expression in the arguments is, and all that a new terminal shows.
"""

import http.client
import json
import os
import sys
import time
import uuid

import websocket

SERVER = os.environ["JUPYTERHUB_SERVICE_URL"]
HEADERS = {"Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}", "Content-Type": "application/json"}


def main() -> None:
    """Ask for both."""
    print(json.dumps({"value": evaluated(sys.argv[1]), "terminal": terminal()}))


def made(what: str, **body: str) -> dict[str, str]:
    """What the server has made and how it is called."""
    connection = http.client.HTTPConnection(SERVER.split("/")[2])
    connection.request("POST", f"/{SERVER.split('/', 3)[3]}api/{what}", json.dumps(body), HEADERS)
    answer: dict[str, str] = json.load(connection.getresponse())
    return answer


def channel(path: str) -> "websocket.WebSocket":
    """An open connection."""
    headers = [f"{name}: {value}" for name, value in HEADERS.items()]
    return websocket.create_connection(SERVER.replace("http", "ws", 1) + path, header=headers, timeout=120)


def evaluated(expression: str) -> str:
    """The expression's value, worked out by a new kernel."""
    line = channel(f"api/kernels/{made('kernels', name='python3')['id']}/channels")
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3", "session": uuid.uuid4().hex}
    header |= {"username": "", "date": "2026-10-01T00:00:00Z"}
    content = {"code": expression, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    line.send(json.dumps(message))
    while True:
        answer = json.loads(line.recv())
        if answer["msg_type"] in ("execute_result", "error"):
            return str(answer["content"].get("data", answer["content"]).get("text/plain", answer["content"]))


def terminal() -> str:
    """What a new terminal shows until its shell has answered."""
    line = channel(f"terminals/websocket/{made('terminals')['name']}")
    line.send(json.dumps(["stdin", "echo $((40 + 2))ready\r"]))
    shown = ""
    end = time.monotonic() + 120
    while "42ready" not in shown and time.monotonic() < end:
        kind, *text = json.loads(line.recv())
        shown += text[0] if kind == "stdout" else ""
    return shown


if __name__ == "__main__":
    main()
