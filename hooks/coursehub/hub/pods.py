"""Pods of the hub's namespace by Kubernetes' API, as plain data."""

import asyncio
import json
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from aiohttp import ClientError
from kubernetes_asyncio.client import ApiException
from kubernetes_asyncio.config import ConfigException
from kubespawner.clients import load_config, shared_client

from coursehub.errors import CoursehubError

# Seconds for an answer.
_ANSWER = 20.0
# Of what is no answer of the API's, in the log.
_LONGEST = 200


def connection(c: Any) -> Callable[[], None]:
    """What connects with the API server as KubeSpawner does with the first server, which may come later."""
    names = {"host": "k8s_api_host", "ssl_ca_cert": "k8s_api_ssl_ca_cert", "verify_ssl": "k8s_api_verify_ssl"}
    return partial(load_config, **{name: c.KubeSpawner.get(key) for name, key in names.items()})


def shared(c: Any) -> Callable[[], Any]:
    """What gives KubeSpawner's client, connected."""
    connect = connection(c)

    def client() -> Any:
        connect()
        return shared_client("CoreV1Api")

    return client


class NoAnswer(CoursehubError):
    """The API server refused, or did not answer; the message says why."""


class Pods:
    """Those that are there now, by the `client` (CoreV1Api) that each request asks for."""

    def __init__(self, client: Callable[[], Any], namespace: str) -> None:
        self._client = client
        self._namespace = namespace

    async def chosen(self, selector: str) -> list[dict[str, Any]]:
        """Those that a label selector chooses; raises NoAnswer."""
        found = await self._call("list_namespaced_pod", label_selector=selector)
        return list(found["items"])

    async def make(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """The pod as it was made; raises NoAnswer."""
        made: dict[str, Any] = await self._call("create_namespaced_pod", body=manifest)
        return made

    async def remove(self, name: str) -> bool:
        """The pod is gone, or about to be; whether it was there. Raises NoAnswer."""
        removed: dict[str, Any] = await self._call("delete_namespaced_pod", name=name)
        return removed.get("code") != HTTPStatus.NOT_FOUND

    async def _call(self, method: str, **given: Any) -> Any:
        try:
            async with asyncio.timeout(_ANSWER):
                ask = getattr(self._client(), method)
                response = await ask(namespace=self._namespace, **given, _preload_content=False)
                text = await response.text()
        except ApiException as error:
            raise NoAnswer(f"{method}: {error.status} {error.reason}") from None
        except (ClientError, TimeoutError, OSError, ConfigException) as error:
            raise NoAnswer(f"{method}: {error or type(error).__name__}") from None
        try:
            answer = json.loads(text or "{}")
        except ValueError:
            # From somebody on the way there.
            raise NoAnswer(f"{method}: {response.status} {text[:_LONGEST]}") from None
        # Where it is to read no content, the client raises for no status.
        if response.status >= 400 and response.status != HTTPStatus.NOT_FOUND:
            raise NoAnswer(f"{method}: {answer.get('message') or response.status}")
        return answer
