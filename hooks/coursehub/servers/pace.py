"""How many servers start at once: as many as the nodes start well, by how long those that start take to boot.

What is measured is a server's own time from running to its first answer, which is nearly all work of the processor: a
slow mount or an image that is fetched says nothing of how busy the nodes are. Beside the shortest of its image it says
how many share a processor. Nodes that are added, larger or idle take more by themselves; nobody writes their number.
Source of the rule: TCP Vegas (Brakmo, O'Malley, Peterson 1994), which grows while nothing queues, and shrinks before
something is lost.
"""

# As many times the shortest boot: below there is room for one more, above there is one too many. With a start for each
# of two cores it is 1; with three, of which a third waits for disk and API anyway, it is about 2.
ROOM, FULL = 2.0, 3.0
# What the last turn counts for in how long turns take.
_NEWEST = 0.2


class Pace:
    """How many may start at once, between `least` and `most`."""

    def __init__(self) -> None:
        self._shortest: dict[str, float] = {}
        self._at_once = 0
        self._turn: float | None = None

    def at_once(self, least: int, most: int) -> int:
        """So many, within these bounds, which may be others than a moment ago."""
        self._at_once = min(max(self._at_once, least), most)
        return self._at_once

    def booted(self, image: str, seconds: float, beside: int) -> None:
        """A server of the image took so long to boot, while so many others were starting."""
        shortest = self._shortest[image] = min(seconds, self._shortest.get(image, seconds))
        share = seconds / shortest if shortest else 1.0
        # Where fewer start than might, they say nothing of how it would be with more.
        if share < ROOM and beside + 1 >= self._at_once:
            self._at_once += 1
        elif share > FULL:
            self._at_once -= 1

    def ended(self, seconds: float) -> None:
        """A turn took so long."""
        self._turn = seconds if self._turn is None else self._turn + _NEWEST * (seconds - self._turn)

    def wait(self, place: int) -> float | None:
        """Seconds until the turn of whoever has this place; None where no turn has ended yet."""
        return None if self._turn is None else self._turn * place / max(self._at_once, 1)
