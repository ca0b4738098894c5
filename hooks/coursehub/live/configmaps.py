"""ConfigMaps as the API server has them, laid down as the folders that `folders` reads; and the hub's Secrets.

Upstream's volumes are plain lists, which no value of ours reaches, and kubelet shows a change only after up to 100 s:
so the hub follows its ConfigMaps itself. Which ones hold course files, and what the site adds by a fixed name (a Secret
for LDAP, its own module, authorities), the one with the site's values says.

    python3 -m coursehub.live.configmaps --namespace NAMESPACE FOLDER

lays them down once, for the nightly check, whose container has no account; 1 where there is nothing to check: no site,
or none of the course files. What is wrong with some is laid down beside the others, for the check to say.
"""

import argparse
import asyncio
import logging
import os
import re
import shutil
import sys
import tempfile
import threading
from base64 import b64decode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from time import monotonic
from typing import Any, TextIO

from kubernetes_asyncio.client import ApiClient, ApiException, Configuration, CoreV1Api
from kubernetes_asyncio.config import load_incluster_config

from coursehub import atomic, terminal
from coursehub.errors import InvalidFile
from coursehub.log import Log

from . import folders

SITE = "coursehub-site"
# Its key with the names of the others; empty where the course files are on a volume.
NAMES = "courses"
# What is taken of each Secret, by the key of the site's that is there where it is followed; its folder has that name.
SECRETS = {"provisioner": ("token", "ca.crt"), "ldap": ("password", "ca.crt")}
# The ConfigMaps for the hub alone, by such a key, too: they may be missing.
ADDED = ("module", "authorities")
# Where the site mounts that volume.
VOLUME = Path("/usr/local/etc/jupyterhub/courses")
# Of the pod, since one of them is a token.
MEMORY = Path("/dev/shm")  # noqa: S108 - the hub is alone in its container

# So long nothing is said of an API server that does not answer, and the hub's start waits.
_PATIENCE = 10.0
_ANSWER = 10.0
# So often all is asked for anew: a connection can be lost without anybody being told.
_WATCH = 60
_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
# Changes that come together are one.
_TOGETHER = 0.1
_KEY = re.compile(r"(?!\.\.)[-._a-zA-Z0-9]+")
_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?")

# Before the name of a Secret: no ConfigMap can be called so.
_SECRET = "Secret coursehub-"  # noqa: S105 - a prefix of names
_ADDED = "coursehub-"

# Held until the process ends.
_locks: list[TextIO] = []
# The files of a ConfigMap, or why there are none.
_Found = Mapping[str, bytes] | str


class ConfigMaps:
    """The ConfigMaps of `namespace`, in folders below `folder`; each change is there whole or not at all.

    What was read stays while the API server is away. One that is gone, or may not be read, has the reason in its place.
    With `hub` what only the hub needs is followed too, Secrets into folders for this user alone; it may be missing.
    """

    def __init__(
        self,
        folder: Path,
        namespace: str,
        log: Log,
        *,
        hub: bool = False,
    ) -> None:
        self.site = folder / "now" / SITE
        self.courses = folder / "now" / "courses"
        self.secrets = folder / "secrets"
        self.added = folder / "now" / "added"
        self._hub = hub
        self._folder = folder
        self._namespace = namespace
        self._log = log
        self._names: tuple[str, ...] | None = None
        self._also: tuple[str, ...] = ()
        self._found: dict[str, _Found] = {}
        self._laid: object = None
        self._generation = 0
        self._there = threading.Event()
        self._begun = monotonic()
        self._failures: dict[str, str] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def follow(self) -> None:
        """Follows them in a thread until the process ends; returns once they are there, after a while in any case."""
        self._begun = monotonic()
        threading.Thread(target=self._run, name="configmaps", daemon=True).start()
        self._there.wait(_PATIENCE + 2 * _LONGEST_PAUSE)

    def _run(self) -> None:
        while True:
            try:
                asyncio.run(self._follow_all())
            except Exception as error:  # noqa: BLE001 - whatever happens, the hub goes on with what it has
                self._fail(SITE, error)
            threading.Event().wait(_LONGEST_PAUSE)

    async def _follow_all(self) -> None:
        configuration = Configuration()
        load_incluster_config(configuration)  # type: ignore[no-untyped-call] # kubernetes_asyncio has no types for it
        async with ApiClient(configuration) as client:
            self._tasks = {}
            await self._follow(CoreV1Api(client), SITE)

    async def _follow(self, api: CoreV1Api, name: str) -> None:
        pause = _PAUSE
        while True:
            try:
                version = await self._look(api, name)
                if self._failures.pop(name, None):
                    self._log.info("%s: followed again", _called(name))
                pause = _PAUSE
                await self._change(api, name, version)
            except Exception as error:  # noqa: BLE001 - whatever happens, it is asked for again
                self._fail(name, error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def _look(self, api: CoreV1Api, name: str) -> str:
        """Takes the object as it is now; its version, or that of there being none, for `_change`."""
        listed = await self._list(api, name, _request_timeout=_ANSWER)
        version = str(listed.metadata.resource_version)
        if name.startswith(_SECRET):
            self._keep(name.removeprefix(_SECRET), listed.items[0].data or {} if listed.items else {})
            return version
        if listed.items:
            (found,) = listed.items
            files = {key: text.encode(errors="replace") for key, text in (found.data or {}).items()}
            # What kubectl makes of a file that is not UTF-8.
            files |= {key: b64decode(text) for key, text in (found.binary_data or {}).items()}
            self._found[name] = {key: content for key, content in files.items() if _KEY.fullmatch(key)}
        elif name in self._also:
            self._found[name] = {}
        else:
            make = (
                "helm upgrade makes it"
                if name in (SITE, folders.OWN)
                else ("make it, or take it out of courses.existingConfigMaps")
            )
            self._found[name] = f"is not in namespace {self._namespace}; {make}"
        if name == SITE:
            self._name_all(api)
        try:
            self._lay()
        except OSError as error:
            self._found[name] = (
                f"does not fit beside the others where the hub keeps them ({error.strerror}); "
                "make it smaller, or bring the files by courses.existingClaim"
            )
            self._lay()
        return version

    async def _list(self, api: CoreV1Api, name: str, **more: Any) -> Any:
        # A list, where a Role that names one object allows it by this selector: it has a version without one too.
        listed = api.list_namespaced_secret if name.startswith(_SECRET) else api.list_namespaced_config_map
        return await listed(self._namespace, field_selector=f"metadata.name={name.split()[-1]}", **more)

    async def _change(self, api: CoreV1Api, name: str, version: str) -> None:
        """Returns once the object may no more be as it was at `version`, at the latest after a minute."""
        selected: dict[str, Any] = {"watch": True, "resource_version": version, "timeout_seconds": _WATCH}
        response = await self._list(api, name, **selected, _preload_content=False, _request_timeout=_WATCH + _ANSWER)
        try:
            if response.status != 200:
                raise ApiException(response.status)
            # Whatever it is, a change or that the version is too old: the next look tells.
            await response.content.readany()
        finally:
            response.close()
        await asyncio.sleep(_TOGETHER)

    def _name_all(self, api: CoreV1Api) -> None:
        """Follows what the site's values name, and nothing else."""
        found = self._found[SITE]
        if isinstance(found, str):
            return
        given = found.get(NAMES, folders.OWN.encode()).decode().split()
        self._names = tuple(name for name in given if _NAME.fullmatch(name))
        self._also = tuple(_ADDED + key for key in ADDED if self._hub and key in found)
        secrets = [_SECRET + key for key in SECRETS if self._hub and key in found]
        followed = (*self._names, *self._also, *secrets)
        for name in self._tasks.keys() - {*followed}:
            self._tasks.pop(name).cancel()
            self._found.pop(name, None)
            self._failures.pop(name, None)
        for key in SECRETS:
            if _SECRET + key not in followed:
                self._keep(key, {})
        for name in followed:
            if name not in self._tasks:
                self._tasks[name] = asyncio.get_running_loop().create_task(self._follow(api, name))

    def _fail(self, name: str, error: Exception) -> None:
        status = getattr(error, "status", None)
        refused = status in (401, 403)
        if refused:
            role = "coursehub-hub-reads" if name in self._also or name.startswith(_SECRET) else "coursehub-configmaps"
            why = (
                f"the API server does not let this account read it (HTTP {status}); "
                f"the chart's Role {role} does, and helm upgrade makes it as it was"
            )
        else:
            reason = f"HTTP {status}" if status else f"{type(error).__name__}: {error}".rstrip(": ")
            why = f"the API server does not give it ({reason}); it is asked again and again"
        # A Role counts a moment after it is made, and a server that starts anew answers before long.
        if monotonic() - self._begun > _PATIENCE and (refused or name not in self._found):
            self._found[name] = {} if name in self._also else why
        if self._failures.get(name) != why:
            self._failures[name] = why
            self._log.error("%s: %s", _called(name), why)
        with suppress(OSError):
            self._lay()

    def _keep(self, secret: str, data: Mapping[str, str]) -> None:
        """Puts what is in the Secret's `data` in place of what was kept of it."""
        for key in SECRETS[secret]:
            if key in data:
                atomic.write(self.secrets / secret / key, [b64decode(data[key])])
            else:
                (self.secrets / secret / key).unlink(missing_ok=True)

    def _lay(self) -> None:
        """Puts all that was found in place of what is laid down, unless it is the same or one is still to come."""
        names = (folders.OWN,) if self._names is None else (*self._names, *self._also)
        found: dict[str, _Found] = {name: self._found[name] for name in (SITE, *names) if name in self._found}
        if self._names is None and SITE in found:
            found[folders.OWN] = f"which ones there are is not known without ConfigMap {SITE}"
        if len(found) <= len(names) or found == self._laid:
            return
        # Two at most: somebody may just be reading the one before, and memory is small.
        shutil.rmtree(self._folder / str(self._generation - 1), ignore_errors=True)
        new = self._folder / str(self._generation + 1)
        try:
            self._write(new, found)
            link = self._folder / "new"
            link.unlink(missing_ok=True)
            link.symlink_to(new.name)
            link.replace(self._folder / "now")
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            raise
        self._generation += 1
        self._laid = found
        self._there.set()

    def _write(self, new: Path, found: Mapping[str, _Found]) -> None:
        (new / "courses").mkdir(parents=True)
        for name, files in found.items():
            place = new / SITE if name == SITE else new / "courses" / name
            if name in self._also:
                place = new / "added" / name.removeprefix(_ADDED)
            place.mkdir(parents=True)
            for key, content in ({folders.WHY: files.encode()} if isinstance(files, str) else files).items():
                (place / key).write_bytes(content)
        if self._names == ():
            (new / "courses" / folders.CLAIM).symlink_to(VOLUME)


def _called(name: str) -> str:
    return name if name.startswith(_SECRET) else f"ConfigMap {name}"


def _own_folder() -> Path:
    """In memory, for as long as this process lives; what others left that were killed is gone.

    More than one may live: JupyterHub's own commands read its configuration, too.
    """
    for folder in MEMORY.glob("coursehub-*"):
        with suppress(OSError), (folder / "lock").open() as lock:
            flock(lock, LOCK_EX | LOCK_NB)
            shutil.rmtree(folder)
    own = Path(tempfile.mkdtemp(prefix="coursehub-", dir=MEMORY))
    _locks.append(lock := (own / "lock").open("w"))
    flock(lock, LOCK_EX)
    return own


def followed(log: Log) -> tuple[Path, Path, Path, Path]:
    """The folders of this pod's namespace, followed from now on.

    They are those with the site's values, the course files, the hub's Secrets (a folder each) and what the site adds.
    """
    maps = ConfigMaps(_own_folder(), os.environ["POD_NAMESPACE"], log, hub=True)
    maps.follow()
    return maps.site, maps.courses, maps.secrets, maps.added


def main(arguments: Sequence[str] | None = None) -> int:
    """See above."""
    parser = argparse.ArgumentParser(prog="python3 -m coursehub.live.configmaps")
    parser.add_argument("--namespace", required=True, help="the namespace of the release")
    parser.add_argument("folder", type=Path, help="where to: now/coursehub-site/ and now/courses/NAME/")
    options = parser.parse_args(arguments)
    terminal.logs("%(message)s", logging.ERROR)
    maps = ConfigMaps(options.folder, options.namespace, logging.getLogger(__name__))
    maps.follow()
    values, courses = folders.site(maps.site), folders.courses(maps.courses)
    if isinstance(courses, InvalidFile):
        courses = [("courses", courses)]
    site = [("site", values)] if isinstance(values, InvalidFile) else values
    wrong = {file: text for file, text in (*site, *courses) if isinstance(text, InvalidFile)}
    for problem in dict.fromkeys(problem for text in wrong.values() for problem in text.problems):
        terminal.err(problem)
    for file, text in courses:
        if isinstance(text, InvalidFile) and not isinstance(text, folders.Missing):
            problem = text.problems[0]
            (maps.courses / file).with_name(folders.WHY).write_text(f"{problem.file} {problem.message}")
    nothing = bool(courses) and all(isinstance(text, InvalidFile) for _, text in courses)
    return int(nothing or any(file in wrong for file, _ in site))


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # The thread would go on, and be heard while Python ends.
    os._exit(code)
