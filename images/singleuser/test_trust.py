"""F14: which notebooks are trusted, and what is shown of them; runs inside the image as test_image.py does."""
# ruff: noqa: S101, S108, PT018  (plain scripts: no pytest in the image)

import http.client
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from test_image import ANNA, BEN, CLARA, COURSE, PORT, course, get, main, new_pod, put, server
from test_links import ANNAS, DATA, INBOUND, api, copy, give, notebook, save
from test_nbgrader_links import graded

EVIL = "<script>ran</script><img src=x onerror=ran><b>what was found</b>"
# Code in the pod: it has the uid, so it has the key.
SIGN = """
import sys, nbformat
from nbformat.sign import NotebookNotary
data = "/run/coursehub/data/"
notary = NotebookNotary(db_file=data + "nbsignatures.db", secret_file=data + "notebook_secret")
for name in sys.argv[1:]:
    notary.sign(nbformat.read(name, 4))
"""


def sign(*paths: Path) -> None:
    subprocess.run(["python3", "-c", SIGN, *map(str, paths)], check=True, env={**os.environ, "HOME": "/tmp"}, **ANNA)


def is_trusted(path: Path) -> bool:
    status, said = api("GET", path)
    assert status == 200, (path, said)
    return bool(json.loads(said)["content"]["cells"][0]["metadata"].get("trusted"))


def lay_notebook(path: Path, who: dict[str, Any], **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook(**more)))
    give(path, who)
    path.chmod(0o664)
    return path


def f14_a_notebook_of_anothers_opens_untrusted_whatever_signed_it() -> None:
    for role in ("student", "instructor", "grading", "general"):
        course()
        shutil.rmtree(DATA, ignore_errors=True)
        DATA.mkdir()
        DATA.chmod(0o3777)
        mine = lay_notebook(ANNAS / "mine.ipynb", ANNA)
        theirs = [
            lay_notebook(ANNAS / "hers.ipynb", CLARA),
            lay_notebook(COURSE / "hers.ipynb", BEN),
            lay_notebook(COURSE / "own.ipynb", ANNA),
            lay_notebook(INBOUND / "hers/a.ipynb", CLARA),
            lay_notebook(DATA / "a.ipynb", ANNA),
            lay_notebook(Path("/tmp/a.ipynb"), ANNA),
        ]
        (ANNAS / "link.ipynb").symlink_to(COURSE / "own.ipynb")
        give(ANNAS / "link.ipynb", ANNA)
        with server(role):
            sign(mine, *theirs)
            assert is_trusted(mine) == (role != "grading"), role
            trusted = [path for path in (*theirs, ANNAS / "link.ipynb") if is_trusted(path)]
            assert not trusted, (role, trusted)
            for path in theirs:
                status, said = get(f"api/contents{path}/trust", "POST")
                assert status == 403 and "cannot be trusted" in said, (status, said)


def f14_a_button_in_somebodys_text_is_none_of_jupyterlabs() -> None:
    for role in ("student", "instructor", "grading", "general", "archived"):
        course()
        with server(role):
            status, said = get("lab/api/settings/@jupyterlab/apputils-extension:sanitizer")
            assert status == 200, (role, status, said)
            assert json.loads(said)["schema"]["properties"]["allowCommandLinker"]["default"] is False, role
            status, said = get("lab/api/settings/@jupyterlab/mainmenu-extension:plugin")
            menus = [menu["id"] for menu in json.loads(said)["schema"]["properties"]["menus"].get("default", [])]
            assert ("coursehub-grading" in menus) == (role in ("instructor", "grading")), (role, menus)


def f14_saving_what_is_anothers_signs_nothing() -> None:
    course()
    body = {"type": "notebook", "format": "json", "content": notebook("evil", {"text/html": EVIL}, trusted=True)}
    with server("instructor"):
        assert api("PUT", COURSE / "a.ipynb", body)[0] == 201
        shutil.copy(COURSE / "a.ipynb", ANNAS / "a.ipynb")
        give(ANNAS / "a.ipynb", ANNA)
        assert not is_trusted(ANNAS / "a.ipynb"), "what lay in /course was signed"
        assert api("PUT", ANNAS / "b.ipynb", body)[0] == 201
        assert is_trusted(ANNAS / "b.ipynb"), "one's own is no longer trusted"


def f14_in_grading_outputs_are_cleaned_and_nothing_is_lost() -> None:
    graded()
    path = COURSE / "autograded/clara/one/a.ipynb"
    outputs = [
        {"text/html": EVIL, "text/plain": "plain"},
        {"text/html": [EVIL]},
        {"application/javascript": "ran", "text/plain": "next best"},
        {"application/javascript": "ran"},
        {"image/svg+xml": f"<svg>{EVIL}</svg>", "image/png": "iVBORw0KGgo="},
        {"text/markdown": EVIL},
        {
            "application/vnd.vegalite.v5+json": {"usermeta": "ran"},
            "application/vnd.jupyter.widget-view+json": {"model_id": "x"},
        },
    ]
    made = notebook()
    made["cells"][0]["outputs"] = [
        {"output_type": "display_data", "data": data, "metadata": {"text/html": {"isolated": True}}} for data in outputs
    ]
    made["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {"x": EVIL}}}
    path.write_text(json.dumps(made))
    before = path.read_bytes()
    scratch = Path("/tmp/scratch")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    scratch.chmod(0o777)
    new_pod()
    with server("grading", home=scratch):
        sign(path)
        model = json.loads(api("GET", path)[1])
        text = json.dumps(model["content"])
        shown = [output["data"] for output in model["content"]["cells"][0]["outputs"]]
        kinds = ["text/html text/plain", "text/html", *2 * ["text/plain"], "image/png", *2 * ["text/plain"]]
        assert [" ".join(sorted(data)) for data in shown] == kinds, shown
        html = [data["text/html"] for data in shown if "text/html" in data]
        assert all("what was found" in each and "onerror" not in each and "script" not in each for each in html), html
        assert "next best" in text and "Not shown here: application/javascript" in text, text
        assert "widget-state" not in text and "isolated" not in text, text
        # JupyterLab is told that it cannot be saved, and who tries reads why.
        assert model["writable"] is False
        status, said = save(path)
        assert status == 403 and "not saved" in said, said
        assert path.read_bytes() == before
        # As text it is whole, and can be changed.
        raw = json.loads(get(f"api/contents{path}?type=file&format=text")[1])
        assert raw["content"].encode() == before
        assert put(str(path.with_name("notes.txt"))[1:], "x")[0] == 201
        # A copy at home is what was shown.
        assert copy(path, scratch)[0] == 201
        assert "onerror" not in (scratch / "a.ipynb").read_text().replace(json.dumps(EVIL), "")
        assert save(scratch / "mine.ipynb")[0] == 201
        assert json.loads(api("GET", scratch / "mine.ipynb")[1])["writable"] is True
    new_pod()
    with server("instructor"):
        model = json.loads(api("GET", path)[1])
        assert model["writable"] is True and "onerror" in json.dumps(model["content"]), "others see what is there"


def f14_what_else_of_a_file_could_run_is_in_a_sandbox_or_off() -> None:
    course()
    for name in ("a.html", "a.svg"):
        (COURSE / name).write_text(EVIL)
    lay_notebook(COURSE / "a.ipynb", BEN, output={"text/html": EVIL})
    pages = ("files/course/a.html", "files/course/a.svg", "nbconvert/html/course/a.ipynb")
    for role in ("instructor", "grading"):
        new_pod()
        with server(role):
            for page in pages:
                connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
                connection.request("GET", f"/user/anna/{page}", headers={"Authorization": "token token"})
                response = connection.getresponse()
                policy = response.headers["Content-Security-Policy"]
                assert response.status == 200 and "sandbox allow-scripts" in policy, (page, response.status, policy)
                assert "allow-same-origin" not in policy, (page, policy)
            view = get("view/course/a.html")[1]
            assert 'sandbox="allow-scripts"' in view, view
            disabled = get("lab")[1]
            assert '"@jupyterlab/apputils-extension:workspaces"' in disabled, "a file changes the layout"
            for name in ("htmlviewer", "javascript", "vega5"):
                assert (f'"@jupyterlab/{name}-extension"' in disabled) == (role == "grading"), name


TESTS = (
    f14_a_notebook_of_anothers_opens_untrusted_whatever_signed_it,
    f14_a_button_in_somebodys_text_is_none_of_jupyterlabs,
    f14_saving_what_is_anothers_signs_nothing,
    f14_in_grading_outputs_are_cleaned_and_nothing_is_lost,
    f14_what_else_of_a_file_could_run_is_in_a_sandbox_or_off,
)

if __name__ == "__main__":
    sys.exit(main(TESTS))
