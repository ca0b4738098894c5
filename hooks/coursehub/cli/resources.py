"""`coursehub resources`: what servers take of CPU and memory, asked of a Prometheus that watches nodes and hub."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from coursehub.errors import CoursehubError

from . import options, suggestion
from .common import FINE, say
from .suggestion import Use

_SECONDS = 150.0
_LOOKS = 4000
_SERVER = "coursehub_server_info"
_MEMORY = "container_memory_working_set_bytes"
_CPU = "container_cpu_usage_seconds_total"


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise click.BadParameter(f"{text!r} is no address; write one as http://127.0.0.1:9090")
    return text


@click.command(
    "resources",
    cls=options.Verb,
    short_help="Say what servers take of CPU and memory, by course.",
    example="coursehub resources --suggest --course python-intro --prometheus http://127.0.0.1:9090",
)
@click.option("--suggest", is_flag=True, help="As `resources:` lines for the course file.")
@click.option(
    "--prometheus",
    type=_url,
    default="http://127.0.0.1:9090",
    show_default=True,
    metavar="URL",
    help="Where the Prometheus answers.",
)
@click.option(
    "--days", type=options.whole(1, 366), default=14, show_default=True, metavar="N", help="How far back to look."
)
@click.option("--course", type=options.slug, metavar="SLUG", help="One course; without it each, and general use.")
@options.namespace
@options.as_json
def command(suggest: bool, prometheus: str, days: int, course: str | None, namespace: str, as_json: bool) -> int:
    """Ask a Prometheus that scrapes the nodes' cAdvisor and the hub what servers took of CPU and memory.

    Says what 95 % of the servers kept within, 95 % of their time (p95), and what the most was. With --suggest it prints
    lines for the course file: guaranteed is the p95, the limit is a quarter above the most.

    Exit 0: measured, 1: not, and why.
    """
    uses = ask(prometheus, namespace, days, course)
    merged = suggestion.merged(uses)
    answer = [asdict(use) | {"resources": suggestion.resources(use)} for use in merged]
    say(answer, suggestion.lines(uses, days) if suggest else _lines(sorted(merged), days), as_json=as_json)
    return FINE


def _lines(uses: Sequence[Use], days: int) -> Iterator[str]:
    for use in uses:
        who = f"{use.course} ({use.role})" if use.course else "general use"
        yield suggestion.measured(use, who, days)


def ask(url: str, namespace: str, days: int, course: str | None) -> list[Use]:
    """The use of each course in each role that had servers; CoursehubError says why there is none."""
    cpu, memory = (_joined(measure, namespace, course) for measure in (_cpu(namespace), _memory(namespace)))
    span = f"[{days}d:{_step(days)}m]"
    questions = {
        "servers": f"count by (course, role) (max_over_time(({memory}){span}))",
        "cpu": f"quantile by (course, role) (0.95, quantile_over_time(0.95, ({cpu}){span}))",
        "memory": f"quantile by (course, role) (0.95, quantile_over_time(0.95, ({memory}){span}))",
        "most_cpu": f"max by (course, role) (max_over_time(({cpu}){span}))",
        "most_memory": f"max by (course, role) (max_over_time(({memory}){span}))",
    }
    answers = {name: _vector(url, query) for name, query in questions.items()}
    numbers = ("cpu", "memory", "most_cpu", "most_memory")
    found = [
        Use(course, role, int(count), *(answers[name][course, role] for name in numbers))
        for (course, role), count in answers["servers"].items()
        # What has been seen once only has no rate yet.
        if all((course, role) in answers[name] for name in numbers)
    ]
    if not found:
        raise CoursehubError(_why_nothing(url, namespace, days, course))
    return found


def _step(days: int) -> int:
    """Minutes between two looks: some thousand looks at each server, however far back."""
    return max(1, days * 24 * 60 // _LOOKS)


def _memory(namespace: str) -> str:
    return f"{_MEMORY}{_of_servers(namespace)}"


def _cpu(namespace: str) -> str:
    return f"rate({_CPU}{_of_servers(namespace)}[5m])"


def _of_servers(namespace: str) -> str:
    # A pod's own series is that of all its containers, and there also where the node does not name those.
    return f'{{namespace={json.dumps(namespace)},pod=~"jupyter-.+"}}'


def _joined(measure: str, namespace: str, course: str | None) -> str:
    """A measure of each server with course and role; what is scraped twice counts once."""
    labels = [f"server_namespace={json.dumps(namespace)}", *([f"course={json.dumps(course)}"] if course else [])]
    info = f'label_replace({_SERVER}{{{",".join(labels)}}}, "pod", "$1", "server", "(.+)")'
    servers = f"topk by (pod) (1, max by (pod, course, role) ({info}))"
    return f"max by (pod) ({measure}) * on (pod) group_left (course, role) {servers}"


def _why_nothing(url: str, namespace: str, days: int, course: str | None) -> str:
    seen = {
        name: bool(_vector(url, f"count(last_over_time({name}{labels}[{days}d]))"))
        for name, labels in (
            (_MEMORY, _of_servers(namespace)),
            (_SERVER, f"{{server_namespace={json.dumps(namespace)}}}"),
        )
    }
    if not seen[_MEMORY]:
        return f"{url} has no {_MEMORY} of servers in namespace {namespace}; have it scrape the nodes' cAdvisor"
    if not seen[_SERVER]:
        return f"{url} has no {_SERVER} of namespace {namespace}; have it scrape the hub's /hub/metrics"
    of = f" of {course}" if course else ""
    return f"no server{of} was measured in the last {days} days; ask for more --days, or later"


def _vector(url: str, query: str) -> dict[tuple[str, str], float]:
    """The value of each course and role."""
    reply = _ask(url, query)
    try:
        return {
            (sample["metric"].get("course", ""), sample["metric"].get("role", "")): float(sample["value"][1])
            for sample in reply["data"]["result"]
        }
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise CoursehubError(f"{url} answers, but not as a Prometheus does; look at what --prometheus names") from None


def _ask(url: str, query: str) -> Mapping[str, Any]:
    body = urllib.parse.urlencode({"query": query}).encode()
    try:
        # The address is the admin's own.
        with urllib.request.urlopen(f"{url.rstrip('/')}/api/v1/query", data=body, timeout=_SECONDS) as answer:  # noqa: S310
            reply = json.load(answer)
    except urllib.error.HTTPError as error:
        raise CoursehubError(f"{url} refused the question: {_reason(error)}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise CoursehubError(
            f"no Prometheus answers at {url} ({reason}). Where it runs in the cluster: kubectl --namespace monitoring "
            "port-forward service/prometheus-operated 9090, then try again; or name it by --prometheus"
        ) from None
    return reply if isinstance(reply, dict) else {}


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {error.code}"
