"""Attack cases that only a cluster can show; each test carries its id."""

import hashlib
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ci.images.build import workshop
from ci.images.image import IMAGES, cache

from .cluster import COURSES, ROOT, Installation, until
from .person import Person

LogIn = Callable[[str], Person]
MANY = {f"extra{number:02}": 70010 + number for number in range(20)}
UNIVERSITY = ROOT / "docs/examples/university.py"
ODD = "localhost/coursehub/odd-groups:test"
ADD = (
    "echo emma:x:20003:100::/:/bin/bash >> /etc/passwd; echo docker:x:998:emma >> /etc/group; "
    "sed -i -e s/^root:x:0:/root:x:0:emma/ -e s/^users:x:100:/users:x:100:emma/ /etc/group"
)
BEND = """
def share_the_host(spawner, pod):
    if spawner.user.name == "otto":
        pod.spec.host_network = True
    return pod

def read_a_secret(spawner):
    if spawner.user.name == "peter":
        spawner.volumes = {"hub": {"name": "hub", "secret": {"secretName": "hub"}}}
        spawner.volume_mounts = {"hub": {"name": "hub", "mountPath": "/hub"}}
        spawner.uid = 0

c.KubeSpawner.modify_pod_hook = share_the_host
c.KubeSpawner.pre_spawn_hook = read_a_secret
"""


@pytest.fixture(scope="module")
def odd_image() -> str:
    """The servers' image, but with emma's uid in its own passwd and in groups of root and docker."""
    key = hashlib.sha256(f"{IMAGES['singleuser'].key} {ADD}".encode()).hexdigest()[:12]
    archive = cache() / f"odd-{key}.tar"
    if not archive.exists():
        _make_odd(archive)
    subprocess.run([".venv/bin/python", "-m", "ci.cluster", "import", str(archive)], cwd=ROOT, check=True)
    return ODD


def _make_odd(archive: Path) -> None:
    """The archive, in the place of an older one."""
    part = archive.with_suffix(".part")
    part.unlink(missing_ok=True)
    with workshop("odd-image") as buildah:

        def run(*words: str) -> str:
            done = subprocess.run([*buildah, *words], check=True, capture_output=True, text=True)
            return done.stdout.strip()

        container = run("from", f"docker-archive:{IMAGES['singleuser'].archive}")
        run("run", "--isolation=chroot", "--user=root", container, "--", "sh", "-c", ADD)
        run("commit", container, ODD)
        run("push", ODD, f"docker-archive:{part}:{ODD}")
    for old in archive.parent.glob("odd-*.tar"):
        old.unlink()
    part.rename(archive)


@pytest.fixture(scope="module")
def hostile(installation: Installation, odd_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Site values with twenty groups for everybody, the odd image, code of the site's, overrides that reach far, and
    hooks that bend the servers of otto and peter."""
    folder = tmp_path_factory.mktemp("site")
    (installation.share / "software").mkdir(exist_ok=True)
    (installation.share / "software/licence.txt").write_text("licensed\n")
    module = {"mountPath": "/usr/local/etc/jupyterhub/university.py", "stringData": UNIVERSITY.read_text()}
    overrides = (
        "c.KubeSpawner.group_overrides = {'bent': {'groups': ['bent'], 'spawner_override': {"
        "'volumes': {'hub': {'name': 'hub', 'secret': {'secretName': 'hub'}}}, "
        "'volume_mounts': {'hub': {'name': 'hub', 'mountPath': '/hub'}}, "
        "'extra_labels': {'hub.jupyter.org/network-access-proxy-api': 'true'}, "
        "'common_labels': {'hub.jupyter.org/network-access-proxy-api': 'true'}}}}\n"
        "c.JupyterHub.load_groups = {'bent': {'users': ['jonas']}}\n"
    )
    extra = {"10-overrides": overrides, "20-hooks": BEND}
    values: dict[str, Any] = {
        "groups": MANY,
        "general": {"groups": ["teaching", *MANY]},
        "images": {"odd": odd_image},
        "siteModule": "university",
        "jupyterhub": {"hub": {"extraConfig": extra, "extraFiles": {"university": module}}},
    }
    (folder / "values.json").write_text(json.dumps(values))
    courses = folder / "courses.yaml"
    more = "\n  odd:\n    name: Odd\n    students: everyone\n    image: odd\n"
    courses.write_text(COURSES.read_text() + more)
    before = installation.hub()
    installation.helm(courses, "--values", str(folder / "values.json"))
    until(lambda: installation.hub_is_ready_after(before), 120, "the hub with these values")
    yield
    before = installation.hub()
    installation.helm(COURSES)
    until(lambda: installation.hub_is_ready_after(before), 120, "the hub as before")


@pytest.mark.alone
@pytest.mark.usefixtures("hostile")
def test_i6_of_too_many_groups_the_courses_own_stays_and_the_rest_is_named(
    log_in: LogIn, installation: Installation
) -> None:
    anna = log_in("anna")
    anna.start("python-intro--instructor")
    gids = [int(gid) for gid in anna.terminal("id -G").split()]
    assert len(gids) == 16
    assert gids[0] == 70101
    assert 20011 in gids
    assert "NFS carries 16 groups; left out for anna: " in installation.kubectl("logs", "deployment/hub")


@pytest.mark.alone
@pytest.mark.usefixtures("hostile")
def test_i7_an_images_own_groups_give_a_uid_nothing(log_in: LogIn, installation: Installation) -> None:
    emma = log_in("emma")
    emma.start("odd")
    pod = installation.pod_of("emma")
    assert pod is not None
    assert pod["spec"]["containers"][0]["image"] == ODD
    planned = {20003, *pod["spec"]["securityContext"]["supplementalGroups"]}
    assert {int(gid) for gid in emma.terminal("id -G").split()} == planned
    assert not planned & {0, 100, 998}


@pytest.mark.alone
@pytest.mark.usefixtures("hostile")
def test_y11_y13_group_overrides_give_no_secret_and_no_label(log_in: LogIn, installation: Installation) -> None:
    jonas = log_in("jonas")
    jonas.choose("python-intro")
    assert "Your server was not started, because the site's configuration" in str(jonas.progress())
    assert installation.pod_of("jonas") is None
    log = installation.kubectl("logs", "deployment/hub")
    assert "gate: refused the pod of user=jonas: labels is" in log
    assert "secretName" not in log, "what the plan sets wins before the gate has to look"


@pytest.mark.alone
@pytest.mark.usefixtures("hostile")
def test_y11_y12_a_sites_hook_cannot_bend_a_pod(log_in: LogIn, installation: Installation) -> None:
    """What comes after the plan is refused, what comes before it is overruled."""
    otto, sofia = log_in("otto"), log_in("sofia")
    closed = 'coursehub_hook_seconds_count{outcome="failed",step="gate"}'
    before = sofia.metrics()[closed]
    otto.choose("general")
    assert "Your server was not started, because the site's configuration" in str(otto.progress())
    assert installation.pod_of("otto") is None
    assert "spec.hostNetwork is set" in installation.kubectl("logs", "deployment/hub")
    assert sofia.metrics()[closed] == before + 1, "nobody is alerted"

    peter = log_in("peter")
    peter.start("general")
    assert peter.terminal("id -u; ls -d /hub 2>/dev/null") == "20012"


@pytest.mark.alone
@pytest.mark.usefixtures("hostile")
def test_code_of_the_sites_own_adds_a_folder_and_gives_instructors_more(
    log_in: LogIn, installation: Installation
) -> None:
    maria, anna = log_in("maria"), log_in("anna")
    memory = {}
    for person, profile in ((maria, "statistics-lab"), (anna, "statistics-lab--instructor")):
        person.start(profile)
        assert (
            person.terminal("cat /srv/software/licence.txt; echo $LICENSE_SERVER") == "licensed\nlicenses.example.edu"
        )
        assert "Read-only file system" in person.terminal("touch /srv/software/x 2>&1")
        pod = installation.pod_of(person.name)
        assert pod is not None
        memory[person.name] = pod["spec"]["containers"][0]["resources"]["limits"]["memory"]
    assert memory == {"maria": str(2**30), "anna": str(2**31)}


def test_p9_an_instructor_who_comes_back_as_a_student_gets_a_fresh_students_pod(
    log_in: LogIn, installation: Installation
) -> None:
    anna = log_in("anna")
    anna.start("python-intro--instructor")
    anna.stop()
    anna.start("python-intro")
    after = installation.pod_of("anna")
    assert after is not None
    other = log_in("tom")
    other.start("python-intro")
    fresh = installation.pod_of("tom")
    assert fresh is not None

    def shape(pod: dict[str, Any], name: str, uid: int) -> str:
        spec = {key: pod["spec"].get(key) for key in ("securityContext", "volumes", "tolerations", "nodeSelector")}
        container = pod["spec"]["containers"][0]
        mine = {key: container[key] for key in ("image", "args", "volumeMounts", "securityContext", "resources")}
        env = {
            each["name"]: each.get("value")
            for each in container["env"]
            if not each["name"].startswith(("JUPYTERHUB_", "JPY_"))
        }
        text = json.dumps([spec, mine, env, pod["metadata"]["labels"]], sort_keys=True)
        return text.replace(f"/{uid % 100:02}/", "/UU/").replace(str(uid), "UID").replace(name, "NAME")

    assert shape(after, "anna", 20011) == shape(fresh, "tom", 20009)


def test_p13_two_starts_in_the_same_second_make_one_pod_of_one_profile(
    log_in: LogIn, installation: Installation
) -> None:
    ines = log_in("ines")
    assert ines.token
    codes: list[int] = []

    def start(profile: str) -> None:
        codes.append(ines.api("POST", "/users/ines/server", {"profile": profile}).status_code)

    threads = [threading.Thread(target=start, args=(profile,)) for profile in ("python-intro", "data-analysis")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes)[0] in (201, 202)
    ines.wait()
    pods = installation.pods("component=singleuser-server,hub.jupyter.org/username=ines")
    assert len(pods) == 1
    (pod,) = pods
    course = pod["metadata"]["labels"]["coursehub/course"]
    exchanges = [
        mount["mountPath"]
        for mount in pod["spec"]["containers"][0]["volumeMounts"]
        if mount["mountPath"].startswith("/srv/nbgrader/exchange/")
    ]
    assert exchanges == [f"/srv/nbgrader/exchange/{course}"]
