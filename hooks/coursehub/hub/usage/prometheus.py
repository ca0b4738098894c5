"""What a Prometheus has of directories: the names are those of prometheus-dirsize-exporter."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp

from coursehub.config.settings import PrometheusSource
from coursehub.errors import Refused

_SIZE, _LIMIT = "dirsize_total_size_bytes", "dirsize_hard_limit_bytes"


async def sizes(source: PrometheusSource, labels: Mapping[str, str]) -> dict[str, tuple[int, int | None]]:
    """Bytes and limit of each directory that has these labels, by the last part of its name; raises Refused."""
    try:
        async with (
            asyncio.timeout(source.timeout),
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None), connector=await trusting()) as session,
        ):
            found = await _vector(session, source.url, _query(_SIZE, labels))
            limits = await _vector(session, source.url, _query(_LIMIT, labels))
    except TimeoutError:
        raise Refused(f"{source.url} did not answer within {source.timeout:g} s") from None
    except (OSError, aiohttp.ClientError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"{source.url} gave no answer to use: {type(error).__name__}: {error}") from None
    if not found:
        raise Refused(f"{source.url} has no {_query(_SIZE, labels)}")
    return {name: (size, limits.get(name)) for name, size in found.items()}


async def trusting() -> aiohttp.TCPConnector:
    """For a session that takes certificates of a site's own authorities: aiohttp itself knows those of its import."""
    return aiohttp.TCPConnector(ssl=await asyncio.to_thread(ssl.create_default_context))


def _query(metric: str, labels: Mapping[str, str]) -> str:
    # A string of PromQL in double quotes escapes as one of JSON does.
    return f"{metric}{{{','.join(f'{name}={json.dumps(value)}' for name, value in sorted(labels.items()))}}}"


async def _vector(session: aiohttp.ClientSession, url: str, query: str) -> dict[str, int]:
    async with session.get(f"{url}/api/v1/query", params={"query": query}, allow_redirects=False) as response:
        reply: dict[str, Any] = await response.json(content_type=None)
    if reply["status"] != "success":
        raise ValueError(reply.get("error", "no reason given"))
    found: dict[str, int] = {}
    for sample in reply["data"]["result"]:
        name = sample["metric"]["directory"].rstrip("/").rpartition("/")[2]
        # Two exporters may see the same directory.
        found[name] = max(found.get(name, 0), int(float(sample["value"][1])))
    return found
