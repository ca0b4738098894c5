"""The JSON Schema of a course file, made from the models: editors complete and check with it."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from coursehub.names import SLUG

from .course import Course
from .profiles import GENERAL_SLUG

_Slug = Annotated[str, WithJsonSchema({"type": "string", "pattern": f"^(?!{GENERAL_SLUG}$)(?!.*--){SLUG.pattern}$"})]


class _CourseFile(BaseModel):
    """The courses of a site or of a department."""

    model_config = ConfigDict(extra="forbid", title="Course file")

    courses: Mapping[_Slug, Course] = Field(
        description="The courses. The key of each is its slug: a-z, 0-9 and single '-' inside, 48 characters at most."
    )


class _Generator(GenerateJsonSchema):
    """Refuses keys outside a mapping's pattern, and leaves out titles and defaults that say nothing."""

    def dict_schema(self, schema: core_schema.DictSchema) -> dict[str, Any]:
        made = super().dict_schema(schema)
        return {**made, "additionalProperties": False} if "patternProperties" in made else made

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> dict[str, Any]:
        made = super().default_schema(schema)
        if made.get("default") is None or isinstance(made["default"], dict):
            made.pop("default", None)
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def course_file() -> dict[str, Any]:
    """The schema (draft 2020-12) of a whole course file.

    It accepts what `catalog.load` accepts, and more only where a rule looks at two values or into a text (the order of
    dates, a span's range, a time zone), or needs the site or another course.
    """
    return {"$schema": _Generator.schema_dialect, **_CourseFile.model_json_schema(schema_generator=_Generator)}
