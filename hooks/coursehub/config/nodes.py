"""Classes of nodes: the site defines them, a course names one, and its servers run there."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from coursehub.names import matching

NodeName = Annotated[str, *matching(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", "write a-z, 0-9 and - inside")]
_Label = Annotated[str, StringConstraints(strict=True, max_length=317)]


class SiteBlock(BaseModel):
    """Keys of the site's values, frozen; in camelCase, as the chart has them."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Toleration(SiteBlock):
    """As Kubernetes writes it."""

    key: _Label | None = None
    operator: Literal["Equal", "Exists"] | None = None
    value: _Label | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: Annotated[int, Field(strict=True, ge=0)] | None = None


class NodeClass(SiteBlock):
    """Where servers of the class run, the taints that they tolerate, and the devices of one server."""

    node_selector: Mapping[str, _Label] = Field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    devices: Mapping[str, Annotated[int, Field(strict=True, ge=1, le=64)]] = Field(default_factory=dict)

    def as_tolerations(self) -> list[dict[str, Any]]:
        """The tolerations as plain data."""
        return [toleration.model_dump(by_alias=True, exclude_none=True) for toleration in self.tolerations]
