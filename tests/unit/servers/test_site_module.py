"""Code of the site's own changes what is the site's to decide, and nothing else."""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from coursehub.config.nodes import NodeClass
from coursehub.config.profiles import Profile, Role
from coursehub.config.resources import Amount
from coursehub.errors import GateClosed
from coursehub.hub.hooks import Forbidden
from coursehub.servers import plan, site_module
from coursehub.servers.plan import RUN, SHARE, Mount, PodPlan
from coursehub.servers.site_module import Adjust

from tests.support import ANNA, MARIA, TODAY, catalog, site
from tests.unit.conftest import Spawner, hooks, start

PLAN = plan.make(MARIA, Profile(Role.STUDENT, "data-analysis"), catalog().courses["data-analysis"], site(), TODAY)
EXAMPLES = Path(__file__).parents[3] / "docs/examples"


def changing(**fields: Any) -> Adjust:
    return lambda planned: replace(planned, **fields)


def mounting(path: str = "/srv/x", sub_path: str = "software", volume: str = SHARE, read_only: bool = True) -> Adjust:
    return lambda planned: replace(planned, mounts=(*planned.mounts, Mount(path, volume, sub_path, read_only)))


def setting(name: str, value: str) -> Adjust:
    return lambda planned: replace(planned, environment={**planned.environment, name: value})


@pytest.mark.parametrize(
    "adjust",
    [
        pytest.param(changing(image="registry.example/exam:2"), id="image"),
        pytest.param(changing(limits=Amount.model_construct(cpu=4.0, memory=2**30, scratch=2**30)), id="limits"),
        pytest.param(changing(guarantees=Amount()), id="guarantees"),
        pytest.param(changing(node=NodeClass(node_selector={"kind": "exam"})), id="nodes"),
        pytest.param(setting("LICENSE_SERVER", "a {b} $(c)"), id="environment"),
        pytest.param(mounting(), id="a mount"),
    ],
)
async def test_what_the_site_may_change_is_in_the_pod(spawner: Spawner, adjust: Adjust) -> None:
    pod = await start(hooks(adjust=adjust), spawner(MARIA, "data-analysis"))
    assert pod != await start(hooks(), spawner(MARIA, "data-analysis"))


@pytest.mark.parametrize(
    ("adjust", "said"),
    [
        pytest.param(changing(uid=20002), "uid is fixed", id="Y10 another's uid"),
        pytest.param(changing(gid=70101), "gid is fixed", id="Y10 a course's gid"),
        pytest.param(changing(groups=((70101, "x"),)), "groups is fixed", id="Y10 a course's group"),
        pytest.param(changing(person=ANNA), "person is fixed", id="another person"),
        pytest.param(mounting("/etc"), "it has to lie below one of /srv/, /mnt/", id="Y11 over /etc"),
        pytest.param(mounting("/srv/../etc"), "it has to lie below", id="Y11 over /etc in disguise"),
        pytest.param(mounting("/srv/nbgrader"), "it lies inside another mount", id="Y11 around the exchange"),
        pytest.param(mounting(sub_path="home/01/anna"), "homes, courses and exchanges", id="Y11 another's home"),
        pytest.param(mounting(sub_path="x/../home"), "homes, courses and exchanges", id="Y11 homes in disguise"),
        pytest.param(mounting(sub_path=""), "homes, courses and exchanges", id="Y11 the whole volume"),
        pytest.param(mounting(sub_path="/"), "homes, courses and exchanges", id="Y11 the volume's root"),
        pytest.param(mounting(read_only=False), "read-only", id="Y11 writable"),
        pytest.param(mounting(volume=RUN), "only the shared volume", id="Y11 another volume"),
        pytest.param(mounting(volume="hub"), "only the shared volume", id="Y11 a secret"),
        pytest.param(changing(mounts=()), "the plan's own mounts are fixed", id="mounts taken away"),
        pytest.param(changing(command=("sh",)), "command is fixed", id="Y12 command"),
        pytest.param(
            changing(labels={**PLAN.labels, "hub.jupyter.org/network-access-proxy-api": "true"}),
            "labels is fixed",
            id="Y13 labels",
        ),
        pytest.param(changing(image="evil/x"), "can be another image tomorrow", id="Y15 untagged image"),
        pytest.param(changing(image="evil/x:latest"), "can be another image tomorrow", id="Y15 latest"),
        *(
            pytest.param(setting(name, "x"), "decides how a server starts", id=f"Y21 new variable {name}")
            for name in ("LD_PRELOAD", "OPENSSL_CONF", "GCONV_PATH", "NODE_OPTIONS", "PROMPT_COMMAND", "LESSOPEN")
        ),
        pytest.param(setting("HOME", "/root"), "the variable HOME is the plan's", id="Y21 the plan's variable"),
        pytest.param(changing(environment={}), "is the plan's", id="Y21 variables taken away"),
        pytest.param(
            changing(limits=Amount.model_construct(cpu=64.0, memory=2**30)), "above the site's maximum", id="Y24 cpu"
        ),
        pytest.param(changing(limits=Amount()), "above the site's maximum", id="Y24 no limit"),
        pytest.param(
            changing(limits=PLAN.limits.model_copy(update={"scratch": None})), "above the site's", id="N9 no bound"
        ),
        pytest.param(
            changing(limits=PLAN.limits.model_copy(update={"scratch": 2**40})), "above the site's", id="N9 scratch"
        ),
        pytest.param(
            changing(guarantees=Amount.model_construct(cpu=2.0, memory=2**30)),
            "guarantees are above the limits",
            id="Y24 guarantee",
        ),
        pytest.param(lambda planned: None, "returned NoneType, not a PodPlan", id="nothing"),
        pytest.param(lambda planned: 1 / 0, "failed: ZeroDivisionError", id="an exception"),
    ],
)
async def test_anything_else_closes_the_gate_and_the_log_says_why(
    spawner: Spawner, adjust: Callable[[PodPlan], Any], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(GateClosed) as closed:
        site_module.adjusted(PLAN, adjust, site())
    assert said in str(closed.value)
    used = spawner(MARIA, "data-analysis")
    used.log.propagate = True
    with pytest.raises(Forbidden, match="Please tell the administrators"):
        await start(hooks(adjust=adjust), used)
    assert said in caplog.text


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def adjust(plan): return plan", None),
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("syntax error", "SyntaxError"),
        ("adjust = 5", "has no function adjust"),
        ("", "has no attribute 'adjust'"),
    ],
)
def test_a_module_that_cannot_be_used_closes_the_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str | None
) -> None:
    (tmp_path / "a_sites_module.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "a_sites_module", raising=False)
    adjust = site_module.load("a_sites_module")
    if said is None:
        assert site_module.adjusted(PLAN, adjust, site()) == PLAN
    else:
        with pytest.raises(GateClosed, match=said):
            site_module.adjusted(PLAN, adjust, site())


def test_a_module_of_the_sites_config_map_is_found_after_those_of_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("a_module_of_the_site", "json"):
        (tmp_path / f"{name}.py").write_text("def adjust(plan):\n    return plan")
    assert site_module.adjusted(PLAN, site_module.load("a_module_of_the_site", tmp_path), site()) == PLAN
    with pytest.raises(GateClosed, match="json cannot be used: AttributeError"):
        site_module.adjusted(PLAN, site_module.load("json", tmp_path), site())


def test_of_a_module_that_is_nowhere_it_is_said_where_to_put_it(tmp_path: Path) -> None:
    adjust = site_module.load("not_there.rules", tmp_path)
    with pytest.raises(GateClosed, match="put it into the ConfigMap coursehub-module, or into the hub's image"):
        site_module.adjusted(PLAN, adjust, site())


async def test_the_example_of_the_admins_page_does_what_it_says(spawner: Spawner) -> None:
    spec = importlib.util.spec_from_file_location("university", EXAMPLES / "university.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pod = await start(hooks(adjust=module.adjust), spawner(ANNA, "python-intro--instructor"))
    (container,) = pod["spec"]["containers"]
    assert container["resources"]["limits"]["memory"] == 8 * 2**30
    assert {"mountPath": "/srv/software", "name": "share", "readOnly": True, "subPath": "software"} in container[
        "volumeMounts"
    ]


def test_the_admins_page_shows_the_example_as_it_is() -> None:
    assert (EXAMPLES / "university.py").read_text() in (EXAMPLES.parent / "admins/code.md").read_text()
