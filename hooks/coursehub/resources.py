"""CPU and memory of a server: limits, guarantees, and the site's cap on them."""

import re
from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Number = TypeVar("Number", int, float)

_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def _bytes(value: object) -> object:
    if isinstance(value, str):
        match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)([KMGT])", value)
        if match is None:
            raise ValueError("write a number and a unit, as 512M or 4G")
        return int(float(match[1]) * _UNITS[match[2]])
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("write a number and a unit, as 512M or 4G")
    raise ValueError(f"write a unit: {value}M or {value}G")


Cores = Annotated[float, Field(gt=0, le=1024, strict=True)]
Bytes = Annotated[int, BeforeValidator(_bytes), Field(ge=2**20, le=2**50)]


class Amount(BaseModel):
    """CPU in cores, memory in bytes (written with a unit of powers of 1024: K, M, G, T)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpu: Cores | None = None
    memory: Bytes | None = None

    def over(self, other: "Amount") -> "Amount":
        """These amounts, and `other`'s where there is none here."""
        return Amount.model_construct(
            cpu=other.cpu if self.cpu is None else self.cpu,
            memory=other.memory if self.memory is None else self.memory,
        )

    def capped(self, cap: "Amount") -> "Amount":
        """These amounts, none above `cap`'s; what is not there stays so."""
        return Amount.model_construct(cpu=_least(self.cpu, cap.cpu), memory=_least(self.memory, cap.memory))


class Resources(Amount):
    """A server's limits, and what it is guaranteed of them."""

    guarantee: Amount = Amount()

    @model_validator(mode="after")
    def _guarantee_within_limit(self) -> Self:
        if self.guarantee.capped(self) != self.guarantee:
            raise ValueError("the guarantee is above the limit; lower it")
        return self


def _least(value: Number | None, cap: Number | None) -> Number | None:
    return value if value is None or cap is None else min(value, cap)
