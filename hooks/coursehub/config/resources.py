"""CPU, memory, scratch and kind of node of a server: limits, guarantees, and the site's cap on them."""

import re
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from coursehub.names import written_as

from .messages import mistake
from .nodes import NodeName

_PATTERN = r"([0-9]{1,15}(?:\.[0-9]{1,15})?)([KMGT])"
_INSTEAD = "write a number and a unit, as 512M or 4G"
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def _bytes(value: object) -> object:
    if isinstance(value, str):
        match = re.fullmatch(_PATTERN, value)
        if match is None:
            raise ValueError(_INSTEAD)
        return int(float(match[1]) * _UNITS[match[2]])
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(_INSTEAD)
    raise ValueError(f"write a unit: {value}M or {value}G")


def written(memory: int) -> str:
    """An amount of memory as people write it in a course file."""
    return f"{memory / 2**30:g}G" if memory % 2**29 == 0 else f"{memory / 2**20:g}M"


Cores = Annotated[float, Field(gt=0, le=1024, strict=True)]
Bytes = Annotated[
    int,
    BeforeValidator(_bytes),
    Field(ge=2**20, le=2**50),
    written_as(_PATTERN, _INSTEAD),
]


class Amount(BaseModel):
    """CPU in cores, memory and scratch in bytes (written with a unit of powers of 1024: K, M, G, T)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpu: Cores | None = Field(default=None, description="Processors; a fraction is fine.", examples=[2, 0.5])
    memory: Bytes | None = Field(
        default=None, description="A number and K, M, G or T (powers of 1024).", examples=["4G", "512M"]
    )
    scratch: Bytes | None = Field(
        default=None,
        description="Room on the machine for what ends with the server, as /tmp, caches and a grader's home.",
        examples=["20G"],
    )

    def over(self, other: "Amount") -> "Amount":
        """These amounts, and `other`'s where there is none here."""
        return Amount.model_construct(**{**other._said(), **self._said()})

    def capped(self, cap: "Amount") -> "Amount":
        """These amounts, none above `cap`'s; what is not there stays so."""
        most = cap._said()
        return Amount.model_construct(**{name: min(n, most.get(name, n)) for name, n in self._said().items()})

    def _said(self) -> dict[str, Any]:
        return {name: number for name in Amount.model_fields if (number := getattr(self, name)) is not None}


class Resources(Amount):
    """A server's limits, what it is guaranteed of them, and the site's class of nodes that it needs."""

    guarantee: Amount = Field(
        default=Amount(),
        description="What is kept free for each server; never above the limit.",
        examples=[{"cpu": 0.5, "memory": "1G"}],
    )
    node: NodeName | None = Field(default=None, description="One of the site's classes of nodes.", examples=["gpu"])

    @model_validator(mode="after")
    def _guarantee_within_limit(self) -> Self:
        if self.guarantee.capped(self) != self.guarantee:
            raise mistake("the guarantee is above the limit; lower it", "guarantee")
        return self

    def merged(self, other: "Resources") -> "Resources":
        """These resources, and `other`'s where there is none here."""
        return Resources.model_construct(
            **dict(self.over(other)), guarantee=self.guarantee.over(other.guarantee), node=self.node or other.node
        )
