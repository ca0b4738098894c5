"""The network test: what a server reaches here, and whether this cluster enforces network policies.

    python3 -m coursehub.networktest --role student --at node-1 --open 'the hub=hub:8081' --alive 'API=10.96.0.1:443'

What has to be open comes first, since where nothing can be reached all else looks closed. Each place is tried until it
is as it has to be: a new pod's network is open for a moment, and its way into others opens as late. Closed counts once
it was found several times in a row, since what listens may be away for a moment too. Exit 1 where something is not as
it has to be.
"""

import argparse
import asyncio
import socket
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from coursehub import terminal

from . import rules
from .rules import Answer, Duty, Place

# Seconds for one try, from one to the next, and for a place to be as it has to be.
TRY = 3.0
PAUSE = 0.75
LONGEST = 30.0
# The name leads nowhere, or to no address; any other failure says nothing of the name.
UNKNOWN = (socket.EAI_NONAME, socket.EAI_NODATA)
RESOLV_CONF = Path("/etc/resolv.conf")


async def reach(place: Place) -> Answer:
    """Whether any address of the place takes a connection."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return Answer.NO_NAME if error.errno in UNKNOWN else Answer.NO_DNS
    addresses = sorted({str(address[0]) for *_, address in found})
    taken = await asyncio.gather(*(_connects(address, place.port) for address in addresses))
    return Answer.OPEN if any(taken) else Answer.CLOSED


async def _connects(address: str, port: int) -> bool:
    try:
        async with asyncio.timeout(TRY):
            _, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    writer.close()
    return True


async def settle(place: Place, seconds: float) -> Answer:
    """What is found as soon as it has been what it has to be often enough, or else after `seconds`."""
    end = asyncio.get_running_loop().time() + seconds
    held = 0
    while True:
        answer = await reach(place)
        held = held + 1 if place.well(answer) else 0
        if held == place.times or (not held and asyncio.get_running_loop().time() >= end):
            return answer
        await asyncio.sleep(PAUSE)


async def run(places: Sequence[Place], seconds: float, resolv_conf: str) -> int:
    """Says what is found, and whether that is well by an exit code."""
    found: dict[Place, Answer] = {}
    for each in places:
        if each.duty is Duty.OPEN:
            found[each] = await settle(each, seconds)
            if found[each] is Answer.CLOSED:
                terminal.out(rules.unreached(each, seconds))
                return 1
            if found[each] is not Answer.OPEN:
                terminal.out(rules.unnamed(each, resolv_conf, seconds))
                return 1
    rest = [each for each in places if each.duty is not Duty.OPEN]
    found |= zip(rest, await asyncio.gather(*(settle(each, seconds) for each in rest)), strict=True)
    for line in rules.lines(found):
        terminal.out(line)
    return 0 if rules.well(found) else 1


def main(words: Sequence[str] | None = None) -> int:
    """One test; 0 where all is as it has to be."""
    parser = argparse.ArgumentParser(
        prog="python3 -m coursehub.networktest",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    helps = {
        Duty.OPEN: "has to be open",
        Duty.ALIVE: "has to be closed, surely listens, and only what holds a server's way out closes it",
        Duty.GUARDED: "has to be closed, surely listens, and what holds the way in closes it too",
        Duty.NODE: "has to be closed, and is at this pod's node",
        Duty.CLOSED: "has to be closed, whether or not something listens there",
    }
    parser.add_argument("--role", required=True, help="of the server that this pod is taken for")
    parser.add_argument("--at", required=True, metavar="NODE", help="where this pod is")
    for duty, text in helps.items():
        parser.add_argument(
            f"--{duty}",
            dest="places",
            action="append",
            type=partial(rules.place, duty),
            required=duty in (Duty.OPEN, Duty.ALIVE),
            metavar="WHAT=HOST:PORT",
            help=text,
        )
    parser.add_argument("--longest", type=float, default=LONGEST, metavar="SECONDS", help="how long a place is tried")
    given = parser.parse_args(words)
    head = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, on the node {given.at}, as a server of the role {given.role}:"
    terminal.out(head)
    return asyncio.run(run(given.places, given.longest, RESOLV_CONF.read_text()))


if __name__ == "__main__":
    sys.exit(main())
