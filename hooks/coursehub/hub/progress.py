"""What the progress page shows of a start: what Kubernetes says, and between it in a sentence what is waited for."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

_LOOK = 1.0


async def explained(
    events: AsyncIterator[dict[str, Any]], sentence: Callable[[], str | None], *, every: float = _LOOK
) -> AsyncGenerator[dict[str, Any], None]:
    """Each of `events` as it comes, and each new `sentence()`, for which it looks `every` so many seconds."""
    last, progress = None, 0
    coming = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            await asyncio.wait([coming], timeout=every)
            if coming.done():
                event = coming.result()
                if event is None:
                    return
                progress = event.get("progress", progress)
                # Kubernetes' own event, whole, with what it knows of nodes and objects.
                event.pop("raw_event", None)
                yield event
                coming = asyncio.ensure_future(anext(events, None))
            now = sentence()
            if now is not None and now != last:
                yield {"progress": progress, "message": now}
            last = now
    finally:
        coming.cancel()
