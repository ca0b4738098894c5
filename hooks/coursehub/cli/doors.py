"""`coursehub storage door` and `serve`: the volume for those who ask from elsewhere, over ssh or HTTP."""

import asyncio
import ipaddress
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from coursehub import protocol, terminal
from coursehub.errors import CoursehubError, Refused
from coursehub.ids import GidRange
from coursehub.people.nss import NssProvider
from coursehub.person import Person
from coursehub.storage.answer import Bounds, answer

from . import options, volume
from .common import FINE, PROBLEMS, reason, site_settings, warn
from .person import find

_LOG = logging.getLogger(__name__)
_VERBS = ("home", "course", "check", "people", "usage", "quota")
_LINE = "its line in authorized_keys"

_uid = options.whole(1, 2**31 - 2)


def _range(text: str) -> GidRange:
    least, _, most = text.partition("-")
    try:
        found = GidRange(minimum=int(least), maximum=int(most))
    except ValueError:
        found = None
    if found is None or found.minimum > found.maximum:
        raise click.BadParameter(f"{text!r} is no range of gids from 1000 on; write the site's courseGids: 70100-79999")
    return found


_gids = click.option(
    "--gids", type=_range, metavar="MIN-MAX", help="The gids that courses may have; without it, no course."
)


@click.command(
    "door",
    cls=options.Verb,
    short_help="Answer one request; for a forced command of ssh.",
    example="coursehub storage door --root /export --minimum-uid 20000 --gids 70100-79999 --verb home --verb course",
)
@options.root
@options.dry_run
@options.site_if_any
@click.option("--minimum-uid", type=_uid, required=True, metavar="N", help="Uids below are refused.")
@click.option(
    "--verb",
    "verbs",
    type=click.Choice(_VERBS),
    multiple=True,
    help="What the key may ask for; given once for each. Without it, nothing.",
)
@_gids
def door(
    root: Path, dry_run: bool, sites: Sequence[Path], minimum_uid: int, verbs: Sequence[str], gids: GidRange | None
) -> int:
    """Read one request as a line of JSON from standard input and answer with one line.

    Nothing comes from a command line that ssh sends: what the key may ask for is in its own line of authorized_keys,
    which docs/admins/doors.md has. Without --site it asks the host's own name service who people are.
    """
    reply: protocol.Reply
    bounds = Bounds("this key", _LINE, frozenset(verbs), gids)
    try:
        if os.environ.get("SSH_ORIGINAL_COMMAND", "request") not in ("", "request"):
            raise Refused("this key runs no commands; send one request, as JSON, on standard input")
        request = protocol.parse(sys.stdin.buffer.readline(protocol.MOST + 1), minimum_uid=minimum_uid)
        bounds.hold(request)
        if isinstance(request, protocol.HomeRequest):
            _agree(request, asyncio.run(_person(sites, request.name)))
        reply, code = answer(request, volume.mounted(root), dry_run=dry_run), FINE
    except CoursehubError as refusal:
        reply, code = protocol.RefusalReply(str(refusal)), PROBLEMS
    except OSError as error:
        reply, code = protocol.RefusalReply(f"the volume refused it: {reason(error)}"), PROBLEMS
    terminal.out(protocol.as_json(reply))
    return code


async def _person(sites: Sequence[Path], name: str) -> Person | None:
    if sites:
        return (await find(site_settings(sites), name)).person
    return NssProvider(_LOG).find(name)


def _agree(request: protocol.HomeRequest, person: Person | None) -> None:
    if person is None:
        raise Refused(f"{request.name} is not known here")
    if (person.uid, person.gid) != (request.uid, request.gid):
        raise Refused(f"{request.name} is {person.uid}:{person.gid} here, not {request.uid}:{request.gid}")


@click.command(
    "serve",
    cls=options.Verb,
    short_help="Answer the hub's requests over HTTPS.",
    example="coursehub storage serve --root /export --token token --gids 70100-79999 --plain",
)
@options.root
@click.option("--token", type=options.File, required=True, metavar="FILE", help="The file that holds the token.")
@_gids
@click.option("--minimum-uid", type=_uid, default=1000, show_default=True, metavar="N", help="No homes for uids below.")
@click.option("--timeout", type=float, default=10.0, show_default=True, metavar="SECONDS", help="For each request.")
@click.option("--host", metavar="ADDRESS", help="The address to listen on; without it, all.")
@click.option(
    "--port", type=options.whole(0, 65535), default=8080, show_default=True, metavar="N", help="Where to listen."
)
@click.option("--certificate", type=options.File, metavar="FILE", help="Listen with TLS: the chain, as PEM.")
@click.option("--key", type=options.File, metavar="FILE", help="Its private key, as PEM.")
@click.option("--plain", is_flag=True, help="Listen without TLS: inside a cluster only.")
@click.option("--look", is_flag=True, help="Make nothing: only say whether directories are there, and whose they are.")
def serve(
    root: Path,
    token: Path,
    gids: GidRange | None,
    minimum_uid: int,
    timeout: float,
    host: str | None,
    port: int,
    certificate: Path | None,
    key: Path | None,
    plain: bool,
    look: bool,
) -> int:
    """Make and check directories for the hub, which has the token, until it is told to end.

    It makes homes, and courses whose gids are in --gids: what the site's `courseGids` has. With --look it makes
    nothing, and anybody may run it who can pass through the volume's top directories.

    POST /requests takes one request as JSON and answers what was done; GET /health says that somebody listens. Run it
    as root on the host that has the volume. Exit 1 at once: root may not make and own directories there, or there is no
    token or no certificate.
    """
    if (certificate is None) != (key is None):
        raise click.UsageError("--certificate and --key belong together")
    if certificate is None and not plain and not _is_local(host):
        raise click.UsageError("without TLS the token is everybody's on the way; give --certificate and --key")
    if why := _no_token(token):
        raise CoursehubError(f"{token}: {why}; make one: openssl rand -hex 32 > {token}")
    try:
        from coursehub.storage import service
    except ModuleNotFoundError as error:
        raise CoursehubError(
            f"the service needs {error.name}; install coursehub with its extra 'service' (docs/admins/command.md)"
        ) from None
    tls = (certificate, key) if certificate and key else None
    if gids is None and not look:
        warn("without --gids no course gets directories; give the range that the site's courseGids has")
    return service.serve(
        root,
        token,
        timeout=timeout,
        gids=gids,
        minimum_uid=minimum_uid,
        host=host,
        port=port,
        tls=tls,
        only_looks=look,
    )


def _no_token(file: Path) -> str | None:
    try:
        return None if file.read_bytes().strip() else "it is empty"
    except OSError as error:
        return error.strerror


def _is_local(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "::").is_loopback
    except ValueError:
        return host == "localhost"
