"""Where each part of the hub's process registers: its pages, metrics and queries, and the work that it does beside."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ClassVar

from prometheus_client import REGISTRY
from prometheus_client.registry import Collector

# What answers a query of its own, whose other keys are its arguments.
Query = Callable[..., Awaitable[object]]


class Registry:
    """Over the hub's configuration `c`."""

    # A task that nothing refers to can vanish before it ran.
    _begun: ClassVar[set[asyncio.Task[Any]]] = set()

    def __init__(self, c: Any) -> None:
        self._c = c
        self._queries: dict[str, Query] = {}

    def handle(self, path: str, handler: type, **arguments: object) -> None:
        """Requests for `path` go to the handler, which is initialised with the arguments."""
        self._c.JupyterHub.extra_handlers.append((path, handler, arguments))

    def show(self, **variables: Callable[[Any], object]) -> None:
        """Each page has the variables; JupyterHub calls them with whoever looks at it."""
        self._c.JupyterHub.template_vars.update(variables)

    def measure(self, *collectors: Collector) -> None:
        """Their numbers stand on /hub/metrics."""
        for collector in collectors:
            REGISTRY.register(collector)

    def answer(self, **queries: Query) -> None:
        """The `coursehub` command may ask these."""
        self._queries.update(queries)

    async def ask(self, question: dict[str, Any]) -> object:
        """The answer to {"ask": NAME}, whose other keys are the query's arguments."""
        name = question.pop("ask")
        if name not in self._queries:
            raise ValueError(f"{name!r} is no question of this hub's version")
        return await self._queries[name](**question)

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        """Begins the work where JupyterHub runs: it reads its configuration on the event loop that it then works on."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            work.close()
            return
        self._begun.add(task := loop.create_task(work))
        task.add_done_callback(self._begun.discard)
