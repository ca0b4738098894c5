"""The numbers by which a file server knows people and groups."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

# The uid and the gid to which NFS servers map (squash) root, and -1 in 16 bits.
NOBODY = (65534, 65535)


def _somebodys(gid: int) -> int:
    if gid in NOBODY:
        raise ValueError(f"{gid} is nobody's on file servers; write the group's own")
    return gid


# Below 1000 are the system's; the kernel's largest is 2**32 - 2, NFS servers and tools stop at a signed int.
Gid = Annotated[int, Field(strict=True, ge=1000, le=2**31 - 2), AfterValidator(_somebodys)]
Uid = Annotated[int, Field(strict=True, ge=1, le=2**31 - 2)]


class GidRange(BaseModel):
    """The gids that the university keeps for courses, both ends included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    minimum: Gid
    maximum: Gid

    def __contains__(self, gid: int) -> bool:
        return self.minimum <= gid <= self.maximum

    def __str__(self) -> str:
        return f"{self.minimum}-{self.maximum}"
