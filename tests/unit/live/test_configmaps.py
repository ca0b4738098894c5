"""ConfigMaps of an API server as folders: each change whole, each reason in its place, nothing lost with the server.

The API server is one of the test's own, for what a real one does on no wish: to be silent, forgetful or gone.
"""

import asyncio
import errno
import json
import logging
import os
import stat
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from coursehub.cli import common
from coursehub.errors import InvalidFile, Problem
from coursehub.live import configmaps, folders
from coursehub.live.configmaps import ConfigMaps
from coursehub.live.kept import Folder, Kept
from coursehub.live.snapshot import Site
from kubernetes_asyncio.client import Configuration

from tests.support import SITE

LOG = logging.getLogger("tests.configmaps")
A = "courses:\n  a: {name: A}\n"
B = "courses:\n  b: {name: B}\n"


class Server:
    """What there is of ConfigMaps and Secrets, by name, and how the server takes it."""

    def __init__(self) -> None:
        self.maps: dict[str, dict[str, Any]] = {}
        self.refused: dict[str, int] = {}
        self.asked: list[str] = []
        self.too_old = 0
        self._version = 10
        self._changes: dict[str, int] = {}
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def put(self, name: str, data: dict[str, str] | None, **more: object) -> None:
        """Makes, changes or (None) deletes one."""
        async with self._changed:
            self._version += 1
            self._changes[name] = self._version
            self.maps.pop(name, None)
            if data is not None:
                self.maps[name] = {"metadata": {"name": name, "namespace": "teaching"}, "data": data, **more}
            self._changed.notify_all()

    async def start(self) -> None:
        """On the port that it had before."""
        application = web.Application()
        application.router.add_get("/api/v1/namespaces/teaching/{kind:configmaps|secrets}", self._list)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Cuts everybody off."""
        if self._runner:
            await self._runner.cleanup()

    async def _list(self, request: web.Request) -> web.StreamResponse:
        field, _, name = request.query["fieldSelector"].partition("=")
        assert field == "metadata.name", "a Role that names objects allows no other list"
        name = f"Secret {name}" if request.match_info["kind"] == "secrets" else name
        self.asked.append(name)
        if name in self.refused:
            return web.json_response({"kind": "Status", "code": self.refused[name]}, status=self.refused[name])
        if "watch" not in request.query:
            items = [self.maps[name]] if name in self.maps else []
            version = str(self._version)
            return web.json_response({"metadata": {"resourceVersion": version}, "items": items})
        response = web.StreamResponse()
        await response.prepare(request)
        if self.too_old:
            self.too_old -= 1
            status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
            await response.write(json.dumps({"type": "ERROR", "object": status}).encode() + b"\n")
            return response
        seen = int(request.query["resourceVersion"])
        async with self._changed:
            await self._changed.wait_for(lambda: self._changes.get(name, 0) > seen)
        with suppress(ConnectionError):
            await response.write(json.dumps({"type": "MODIFIED", "object": self.maps.get(name)}).encode() + b"\n")
        return response


@pytest_asyncio.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    """With the site's values and one course file; patience is short."""
    monkeypatch.setattr(configmaps, "_PATIENCE", 0.5)
    monkeypatch.setattr(configmaps, "_LONGEST_PAUSE", 0.5)
    made = Server()
    await made.start()

    def in_cluster(configuration: Configuration) -> None:
        configuration.host = f"http://127.0.0.1:{made.port}"

    monkeypatch.setattr(configmaps, "load_incluster_config", in_cluster)
    await name(made, "coursehub-courses")
    await made.put("coursehub-courses", {"main.yaml": A})
    yield made
    await made.stop()


async def name(server: Server, *names: str) -> None:
    """Writes into the site's values which ConfigMaps hold course files."""
    await server.put("coursehub-site", {"site.yaml": SITE, "courses": " ".join(names)})


async def followed(folder: Path, *, hub: bool = False) -> ConfigMaps:
    maps = ConfigMaps(folder, "teaching", LOG.getChild(folder.name), hub=hub)
    await asyncio.to_thread(maps.follow)
    return maps


async def until(look: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not look():  # noqa: ASYNC110 - what is waited for is on the disk
            await asyncio.sleep(0.02)


def courses(maps: ConfigMaps) -> dict[str, str]:
    """The text of each course file, or what is wrong in its place."""
    found = folders.courses(maps.courses)
    assert not isinstance(found, InvalidFile), found
    return {Path(file).name: text if isinstance(text, str) else text.problems[0].message for file, text in found}


async def test_what_the_server_has_is_there_when_it_begins_to_follow(server: Server, tmp_path: Path) -> None:
    await server.put("coursehub-courses", {"main.yaml": A, "more.yaml": "# é\n"})
    maps = await followed(tmp_path)
    assert folders.site(maps.site) == [("site.yaml", SITE)]
    assert courses(maps) == {"main.yaml": A, "more.yaml": "# é\n"}


async def test_a_changed_course_is_live_within_a_second_or_two(server: Server, tmp_path: Path) -> None:
    maps = await followed(tmp_path)
    site = await asyncio.to_thread(Site, maps.site, maps.courses, LOG)
    site.follow()
    await server.put("coursehub-courses", {"main.yaml": B})
    await until(lambda: list(site.current.catalog.courses) == ["b"])


async def test_a_change_is_there_whole_or_not_at_all(server: Server, tmp_path: Path) -> None:
    maps = await followed(tmp_path)
    with (maps.courses / "coursehub-courses/main.yaml").open() as reading:
        await server.put("coursehub-courses", {"main.yaml": B, "more.yaml": "courses: {}\n"})
        await until(lambda: "more.yaml" in courses(maps))
        assert reading.read() == A, "the file that somebody reads was written over"
    assert courses(maps) == {"main.yaml": B, "more.yaml": "courses: {}\n"}
    for edition in range(5):
        now = {"main.yaml": f"# {edition}\n"}
        await server.put("coursehub-courses", now)
        await until(partial(lambda now: courses(maps) == now, now))
    await until(lambda: len(os.listdir(tmp_path)) == 3)


async def test_what_did_not_change_is_not_laid_down_again(server: Server, tmp_path: Path) -> None:
    maps = await followed(tmp_path)
    before = (tmp_path / "now").readlink()
    asked = len(server.asked)
    await server.put("coursehub-courses", {"main.yaml": A}, immutable=False)
    await until(lambda: len(server.asked) > asked + 1)
    assert (tmp_path / "now").readlink() == before
    assert courses(maps) == {"main.yaml": A}


async def test_which_ones_there_are_is_what_the_sites_values_say_now(server: Server, tmp_path: Path) -> None:
    await server.put("algebra", {"algebra.yaml": B})
    maps = await followed(tmp_path)
    assert courses(maps) == {"main.yaml": A}
    await name(server, "coursehub-courses", "algebra")
    await until(lambda: courses(maps) == {"main.yaml": A, "algebra.yaml": B})
    await server.put("algebra", {"algebra.yaml": "courses: {}\n"})
    await until(lambda: courses(maps) == {"main.yaml": A, "algebra.yaml": "courses: {}\n"})
    await name(server, "algebra")
    await until(lambda: courses(maps) == {"algebra.yaml": "courses: {}\n"})


async def test_one_that_does_not_exist_is_named_and_the_others_go_on(server: Server, tmp_path: Path) -> None:
    await name(server, "coursehub-courses", "algebra")
    maps = await followed(tmp_path)
    why = "is not in namespace teaching; make it, or take it out of courses.existingConfigMaps"
    assert courses(maps) == {"ConfigMap algebra": why, "main.yaml": A}
    await server.put("algebra", {"algebra.yaml": B})
    await until(lambda: courses(maps) == {"algebra.yaml": B, "main.yaml": A})


async def test_of_one_that_is_deleted_the_courses_stay_and_it_is_told(server: Server, tmp_path: Path) -> None:
    await server.put("algebra", {"algebra.yaml": B})
    await name(server, "coursehub-courses", "algebra")
    maps = await followed(tmp_path)
    kept = Kept(Folder(tmp_path / "kept"), LOG)
    site = await asyncio.to_thread(Site, maps.site, maps.courses, LOG, kept)
    site.follow()
    await server.put("algebra", None)
    await server.put("coursehub-courses", {"main.yaml": A.replace("name: A", "name: New")})
    await until(lambda: site.current.problems and site.current.catalog.courses["a"].name == "New")
    for after in (site, await asyncio.to_thread(Site, maps.site, maps.courses, LOG, kept)):
        assert sorted(after.current.catalog.courses) == ["a", "b"]
        assert {each.slug: each.kept for each in after.current.state.entries} == {"a": False, "b": True}
        (problem,) = after.current.problems
        assert str(problem).startswith("ConfigMap algebra:1:1: is not in namespace teaching; make it, or take it out")


async def test_without_the_sites_values_settings_and_courses_stay(server: Server, tmp_path: Path) -> None:
    maps = await followed(tmp_path)
    site = await asyncio.to_thread(Site, maps.site, maps.courses, LOG)
    site.follow()
    await server.put("coursehub-site", None)
    await until(lambda: site.current.problems)
    assert site.current.state.settings_kept
    assert list(site.current.catalog.courses) == ["a"]
    assert site.current.problems == (
        Problem("ConfigMap coursehub-site", 1, 1, "is not in namespace teaching; helm upgrade makes it"),
    )


async def test_a_file_that_two_have_is_in_neither_and_both_are_named(server: Server, tmp_path: Path) -> None:
    await server.put("algebra", {"main.yaml": B})
    await name(server, "coursehub-courses", "algebra")
    maps = await followed(tmp_path)
    said = "is in ConfigMap algebra and in ConfigMap coursehub-courses; give one of them another name"
    assert courses(maps) == {"main.yaml": said}


async def test_one_that_may_not_be_read_is_told_with_what_to_do(server: Server, tmp_path: Path) -> None:
    server.refused["algebra"] = 403
    await name(server, "coursehub-courses", "algebra")
    maps = await followed(tmp_path)
    said = courses(maps)
    assert said["main.yaml"] == A
    assert said["ConfigMap algebra"].startswith("the API server does not let this account read it (HTTP 403); ")
    assert "Role coursehub-configmaps" in said["ConfigMap algebra"]


async def test_while_the_server_is_away_all_stays_and_afterwards_changes_count_again(
    server: Server, tmp_path: Path
) -> None:
    maps = await followed(tmp_path)
    before = (tmp_path / "now").readlink()
    await server.stop()
    await until(lambda: maps._failures)
    assert courses(maps) == {"main.yaml": A}
    await server.put("coursehub-courses", {"main.yaml": B})
    await asyncio.sleep(0)
    assert (tmp_path / "now").readlink() == before
    await server.start()
    await until(lambda: courses(maps) == {"main.yaml": B})


async def test_a_server_that_does_not_answer_at_first_is_told_and_asked_again(server: Server, tmp_path: Path) -> None:
    await server.stop()
    maps = await followed(tmp_path)
    values, files = folders.site(maps.site), folders.courses(maps.courses)
    assert isinstance(values, InvalidFile)
    assert "ConfigMap coursehub-site:1:1: the API server does not give it (ClientConnectorError" in str(values)
    assert not isinstance(files, InvalidFile)
    assert [isinstance(text, folders.Missing) for _, text in files] == [True], "a course could be taken for gone"
    await server.start()
    await until(lambda: folders.site(maps.site) == [("site.yaml", SITE)])
    await until(lambda: courses(maps) == {"main.yaml": A})


async def test_a_version_that_the_server_has_forgotten_is_asked_for_anew(server: Server, tmp_path: Path) -> None:
    server.too_old = 4
    maps = await followed(tmp_path)
    await until(lambda: not server.too_old)
    await server.put("coursehub-courses", {"main.yaml": B})
    await until(lambda: courses(maps) == {"main.yaml": B})


async def test_what_is_no_text_is_told_as_such(server: Server, tmp_path: Path) -> None:
    latin = b64encode("courses: {} # é".encode("latin-1")).decode()
    await server.put("coursehub-courses", {"main.yaml": A}, binaryData={"old.yaml": latin})
    maps = await followed(tmp_path)
    site = await asyncio.to_thread(Site, maps.site, maps.courses, LOG)
    (problem,) = site.current.problems
    assert str(problem) == "old.yaml:1:15: not UTF-8 text; save the file as UTF-8"


@pytest.mark.parametrize("key", ["../main.yaml", "..problem", "a/b.yaml", "/etc/passwd", "..", ""])
async def test_no_key_leads_out_of_its_folder(server: Server, tmp_path: Path, key: str) -> None:
    await server.put("coursehub-courses", {"main.yaml": A, key: B})
    maps = await followed(tmp_path)
    assert courses(maps) == {"main.yaml": A}


async def test_course_files_on_a_volume_are_the_volumes(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = tmp_path / "volume"
    monkeypatch.setattr(configmaps, "VOLUME", volume)
    await name(server)
    maps = await followed(tmp_path / "maps")
    assert list(courses(maps)) == ["_claim"], "a volume that is not mounted is told"
    volume.mkdir()
    (volume / "main.yaml").write_text(B)
    assert courses(maps) == {"main.yaml": B}


async def test_the_hub_follows_those_of_its_own_namespace(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_NAMESPACE", "teaching")
    await provisioned(server, token="one")
    site, files, secrets, added = await asyncio.to_thread(configmaps.followed, LOG)
    assert folders.site(site) == [("site.yaml", SITE)]
    assert folders.courses(files) == [("coursehub-courses/main.yaml", A)]
    assert kept(added / "module") == {}
    await until(lambda: kept(secrets / "provisioner") == {"token": "one"})


async def provisioned(server: Server, **files: str) -> None:
    """The site's values have a provisioner, and its Secret these files; without any there is no Secret."""
    named = {"site.yaml": SITE, "courses": "coursehub-courses", "provisioner": "coursehub-provisioner"}
    await server.put("coursehub-site", named)
    await secret(server, **files)


async def secret(server: Server, **files: str) -> None:
    """The Secret has these files and no other; underscores are dots."""
    data = {key.replace("_", "."): b64encode(text.encode()).decode() for key, text in files.items()}
    await server.put("Secret coursehub-provisioner", data or None)


def kept(folder: Path) -> dict[str, str]:
    """The files of the Secret; one that goes while it is looked at is not there."""
    found = {}
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):
            found[path.name] = path.read_text()
    return found


async def test_the_provisioners_secret_is_a_file_for_the_hub_alone(server: Server, tmp_path: Path) -> None:
    await provisioned(server, token="one", ca_crt="authority", other="x")
    maps = await followed(tmp_path, hub=True)
    await until(lambda: kept(maps.secrets / "provisioner") == {"token": "one", "ca.crt": "authority"})
    folder = maps.secrets / "provisioner"
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())]
    assert modes == [0o700, 0o600, 0o600]


async def test_a_changed_token_or_authority_is_there_within_seconds(server: Server, tmp_path: Path) -> None:
    await provisioned(server, token="one")
    maps = await followed(tmp_path, hub=True)
    await until(lambda: kept(maps.secrets / "provisioner") == {"token": "one"})
    await secret(server, token="two", ca_crt="authority")
    await until(lambda: kept(maps.secrets / "provisioner") == {"token": "two", "ca.crt": "authority"})
    await secret(server, token="two")
    await until(lambda: kept(maps.secrets / "provisioner") == {"token": "two"})


def said(caplog: pytest.LogCaptureFixture, folder: Path) -> list[str]:
    """What the log has of those that are followed into `folder`: others of this process go on without their server."""
    return [record.getMessage() for record in caplog.records if record.name == f"{LOG.name}.{folder.name}"]


async def test_a_secret_that_is_not_there_is_not_spoken_of_and_taken_once_it_is(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await provisioned(server)
    maps = await followed(tmp_path, hub=True)
    await until(lambda: "Secret coursehub-provisioner" in server.asked)
    assert (courses(maps), kept(maps.secrets / "provisioner"), said(caplog, tmp_path)) == ({"main.yaml": A}, {}, [])
    await secret(server, token="one")
    await until(lambda: kept(maps.secrets / "provisioner") == {"token": "one"})


async def test_a_secret_that_may_not_be_read_keeps_nothing_else_back_and_is_told(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.refused["Secret coursehub-provisioner"] = 403
    await provisioned(server, token="one")
    maps = await followed(tmp_path, hub=True)
    assert courses(maps) == {"main.yaml": A}
    await until(lambda: said(caplog, tmp_path))
    (why,) = said(caplog, tmp_path)
    assert why.startswith("Secret coursehub-provisioner: the API server does not let this account read it (HTTP 403);")
    assert "Role coursehub-hub-reads" in why
    server.refused.clear()
    await until(lambda: kept(maps.secrets / "provisioner") == {"token": "one"})


async def test_while_the_server_is_away_the_token_stays(server: Server, tmp_path: Path) -> None:
    await provisioned(server, token="one")
    maps = await followed(tmp_path, hub=True)
    await until(lambda: kept(maps.secrets / "provisioner"))
    await server.stop()
    await until(lambda: "Secret coursehub-provisioner" in maps._failures)
    assert kept(maps.secrets / "provisioner") == {"token": "one"}


async def test_without_a_provisioner_the_secret_is_not_asked_for_and_what_was_kept_goes(
    server: Server, tmp_path: Path
) -> None:
    await secret(server, token="one")
    maps = await followed(tmp_path, hub=True)
    assert "Secret coursehub-provisioner" not in server.asked
    await provisioned(server, token="one")
    await until(lambda: kept(maps.secrets / "provisioner"))
    await name(server, "coursehub-courses")
    await until(lambda: not kept(maps.secrets / "provisioner"))


ADDED = {
    "site.yaml": SITE,
    "authorities": "coursehub-authorities",
    "module": "coursehub-module",
    "ldap": "coursehub-ldap",
}


async def test_what_a_site_adds_by_its_fixed_name_is_there_before_the_hub_goes_on(
    server: Server, tmp_path: Path
) -> None:
    await server.put("coursehub-site", ADDED)
    await server.put("coursehub-module", {"university.py": "adjust = list"})
    await server.put("coursehub-authorities", {"uni.crt": "PEM"})
    await server.put("Secret coursehub-ldap", {"password": b64encode(b"p").decode()})
    maps = await followed(tmp_path, hub=True)
    assert kept(maps.added / "module") == {"university.py": "adjust = list"}
    assert kept(maps.added / "authorities") == {"uni.crt": "PEM"}
    await until(lambda: kept(maps.secrets / "ldap") == {"password": "p"})


async def test_what_a_site_does_not_add_keeps_nothing_back_and_is_no_course_file(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.refused["coursehub-module"] = 403
    await server.put("coursehub-site", ADDED)
    maps = await followed(tmp_path, hub=True)
    assert courses(maps) == {"main.yaml": A}
    assert kept(maps.added / "module") == kept(maps.added / "authorities") == {}
    (why,) = said(caplog, tmp_path)
    assert why.startswith("ConfigMap coursehub-module: the API server does not let this account read it (HTTP 403);")
    assert "Role coursehub-hub-reads" in why


async def test_the_nightly_check_asks_for_nothing_that_only_the_hub_needs(server: Server, tmp_path: Path) -> None:
    await server.put("coursehub-site", {**ADDED, "provisioner": "coursehub-provisioner"})
    assert await asyncio.to_thread(configmaps.main, ["--namespace=teaching", str(tmp_path)]) == 0
    assert set(server.asked) == {"coursehub-site", "coursehub-courses"}
    assert sorted(os.listdir(tmp_path)) == ["1", "now"]


async def once(folder: Path) -> int:
    """What the nightly check's first container ends with."""
    return await asyncio.to_thread(configmaps.main, ["--namespace=teaching", str(folder)])


async def test_the_nightly_check_gets_all_files(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await once(tmp_path) == 0
    assert capsys.readouterr().err == ""
    assert (tmp_path / "now/coursehub-site/site.yaml").read_text() == SITE
    assert (tmp_path / "now/courses/coursehub-courses/main.yaml").read_text() == A


async def test_one_config_map_that_is_missing_or_has_anothers_file_keeps_no_other_from_the_nightly_check(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await server.put("physics", {"main.yaml": B, "more.yaml": B})
    await name(server, "coursehub-courses", "algebra", "physics")
    assert await once(tmp_path) == 0
    missing = "is not in namespace teaching; make it, or take it out of courses.existingConfigMaps"
    both = "is in ConfigMap coursehub-courses and in ConfigMap physics; give one of them another name"
    assert capsys.readouterr().err == f"ConfigMap algebra:1:1: {missing}\nmain.yaml:1:1: {both}\n"
    laid = {folder.name: common.texts([folder]) for folder in sorted((tmp_path / "now/courses").iterdir())}
    told = {
        name: [text.problems[0].message for _, text in texts if isinstance(text, InvalidFile)]
        for name, texts in laid.items()
    }
    assert told == {"algebra": [missing], "coursehub-courses": [f"main.yaml {both}"], "physics": [f"main.yaml {both}"]}
    assert (tmp_path / "now/courses/physics/more.yaml").read_text() == B


@pytest.mark.parametrize("gone", ["coursehub-site", "coursehub-courses"])
async def test_without_the_site_or_any_course_file_the_nightly_check_does_not_begin(
    server: Server, tmp_path: Path, gone: str
) -> None:
    await server.put(gone, None)
    assert await once(tmp_path) == 1


async def test_what_does_not_fit_is_told_the_others_go_on_and_nothing_of_it_stays(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if b"large" in content:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    await server.put("algebra", {"algebra.yaml": B})
    await name(server, "coursehub-courses", "algebra")
    maps = await followed(tmp_path)
    for edition in range(3):
        await server.put("algebra", {"a.yaml": f"# {edition}", "z.yaml": "# large"})
        await until(lambda: "ConfigMap algebra" in courses(maps))
        told = courses(maps)
        assert told["main.yaml"] == A
        assert told["ConfigMap algebra"].startswith("does not fit beside the others where the hub keeps them (No space")
        await server.put("algebra", {"algebra.yaml": f"# {edition}"})
        await until(lambda: "algebra.yaml" in courses(maps))
    assert len(generations(tmp_path)) <= 2


def generations(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.isdigit()]


async def test_there_are_never_more_than_two_generations(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 0
    write = Path.write_bytes

    def counted(path: Path, content: bytes) -> int:
        nonlocal most
        most = max(most, len(generations(tmp_path)))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", counted)
    maps = await followed(tmp_path)
    for edition in range(4):
        now = {"main.yaml": f"# {edition}\n"}
        await server.put("coursehub-courses", now)
        await until(partial(lambda now: courses(maps) == now, now))
    assert most == 2


def test_what_a_killed_hub_left_in_memory_is_gone_at_the_next_start_and_not_what_a_running_one_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "coursehub-killed/7/secrets").mkdir(parents=True)
    for name in ("lock", "7/secrets/token"):
        (tmp_path / "coursehub-killed" / name).write_text("")
    monkeypatch.setattr(configmaps, "MEMORY", tmp_path)
    monkeypatch.setenv("POD_NAMESPACE", "teaching")
    monkeypatch.setattr(ConfigMaps, "follow", lambda _: None)
    hub, *_ = configmaps.followed(LOG)
    command, *_ = configmaps.followed(LOG)
    folders_there = list(tmp_path.iterdir())
    assert len(folders_there) == 2, "JupyterHub's own commands leave the hub's alone"
    assert hub.parents[1] != command.parents[1]
    assert {hub.parents[1], command.parents[1]} == set(folders_there)
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders_there} == {0o700}
