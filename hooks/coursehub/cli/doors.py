"""`coursehub storage door` and `serve`: the volume for those who ask from elsewhere, over ssh or HTTP."""

import asyncio
import ipaddress
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from coursehub import protocol
from coursehub.errors import CoursehubError, Refused
from coursehub.people.nss import NssProvider
from coursehub.person import Person
from coursehub.storage.answer import answer

from . import options, volume
from .common import FINE, PROBLEMS, reason, site_settings
from .person import find

_LOG = logging.getLogger(__name__)


@click.command(
    "door",
    cls=options.Verb,
    short_help="Answer one request; for a forced command of ssh.",
    example="coursehub storage door --root /export --minimum-uid 20000",
)
@options.root
@options.dry_run
@options.site_if_any
@click.option("--minimum-uid", type=int, required=True, metavar="N", help="Uids below are refused.")
def door(root: Path, dry_run: bool, sites: Sequence[Path], minimum_uid: int) -> int:
    """Read one request as a line of JSON from standard input and answer with one line.

    Nothing comes from a command line that ssh sends. Without --site it asks the host's own name service who people are.
    docs/admins.md has the line for authorized_keys.
    """
    reply: protocol.Reply
    try:
        if os.environ.get("SSH_ORIGINAL_COMMAND", "request") not in ("", "request"):
            raise Refused("this key runs no commands; send one request, as JSON, on standard input")
        request = protocol.parse(sys.stdin.buffer.readline(protocol.MOST + 1), minimum_uid=minimum_uid)
        if isinstance(request, protocol.HomeRequest):
            _agree(request, asyncio.run(_person(sites, request.name)))
        reply, code = answer(request, volume.mounted(root), dry_run=dry_run), FINE
    except CoursehubError as refusal:
        reply, code = protocol.RefusalReply(str(refusal)), PROBLEMS
    except OSError as error:
        reply, code = protocol.RefusalReply(f"the volume refused it: {reason(error)}"), PROBLEMS
    print(protocol.as_json(reply))
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
    example="coursehub storage serve --root /export --token token --certificate tls.crt --key tls.key --port 8443",
)
@options.root
@click.option("--token", type=options.File, required=True, metavar="FILE", help="The file that holds the token.")
@click.option("--timeout", type=float, default=10.0, show_default=True, metavar="SECONDS", help="For each request.")
@click.option("--host", metavar="ADDRESS", help="The address to listen on; without it, all.")
@click.option("--port", type=int, default=8080, show_default=True, help="Where to listen.")
@click.option("--certificate", type=options.File, metavar="FILE", help="Listen with TLS: the chain, as PEM.")
@click.option("--key", type=options.File, metavar="FILE", help="Its private key, as PEM.")
@click.option("--plain", is_flag=True, help="Listen without TLS: inside a cluster only.")
def serve(
    root: Path,
    token: Path,
    timeout: float,
    host: str | None,
    port: int,
    certificate: Path | None,
    key: Path | None,
    plain: bool,
) -> int:
    """Make and check directories for the hub, which has the token, until it is told to end.

    POST /requests takes one request as JSON and answers what was done; GET /health says that somebody listens. Run it
    as root on the host that has the volume. Exit 1 at once: root may not make and own directories there, or there is no
    certificate.
    """
    if (certificate is None) != (key is None):
        raise click.UsageError("--certificate and --key belong together")
    if certificate is None and not plain and not _is_local(host):
        raise click.UsageError("without TLS the token is everybody's on the way; give --certificate and --key")
    try:
        from coursehub.storage import service
    except ModuleNotFoundError as error:
        raise CoursehubError(f"the service needs {error.name}; install it: pip install 'coursehub[service]'") from None
    tls = (certificate, key) if certificate and key else None
    return service.serve(root, token, timeout=timeout, host=host, port=port, tls=tls)


def _is_local(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "::").is_loopback
    except ValueError:
        return host == "localhost"
