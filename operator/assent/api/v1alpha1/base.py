"""What all resource models share: camelCase on the wire, frozen values, bounded scalars."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

MAX_EXACT_INTEGER = 2**53 - 1
"""PD decodes ids in JSON bodies as float64 (pd-api.md 0.4): above this they are not exact."""

_DURATION = re.compile(r"^(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?$")
DURATION_PATTERN = r"^([0-9]{1,4}h)?([0-9]{1,5}m)?([0-9]{1,6}s)?$"


class ApiModel(BaseModel):
    """A frozen value that reads and writes camelCase and ignores fields of newer versions."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    def wire(self) -> dict[str, Any]:
        """Return the JSON object as the API server stores it: camelCase, absent when None."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def parse_duration_seconds(text: str) -> int:
    """Return the seconds of a duration such as ``1h30m`` or ``45s``.

    Raises:
        ValueError: when the text is empty or not of that form; the sentence names the form.
    """
    match = _DURATION.fullmatch(text)
    if match is None or text == "":
        raise ValueError(f"{text!r} is not a duration such as 30s, 5m or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def _check_duration(text: str) -> str:
    parse_duration_seconds(text)
    return text


def _timestamp(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Duration = Annotated[
    str,
    # The field comes first: after a function its pattern would be lost in the schema.
    Field(min_length=2, max_length=16, pattern=DURATION_PATTERN),
    AfterValidator(_check_duration),
]
"""Hours, minutes and seconds as in ``1h30m``; read it with ``parse_duration_seconds``."""

StoreId = Annotated[int, Field(ge=1, le=MAX_EXACT_INTEGER)]
RegionId = Annotated[int, Field(ge=1, le=MAX_EXACT_INTEGER)]
Name = Annotated[str, Field(min_length=1, max_length=253)]
Username = Annotated[str, Field(min_length=1, max_length=256)]
Digest = Annotated[str, Field(max_length=80)]
Code = Annotated[str, Field(max_length=64)]
"""A CamelCase constant: a phase, a reason, a rule."""
Sentence = Annotated[str, Field(max_length=1024)]
Timestamp = Annotated[AwareDatetime, PlainSerializer(_timestamp, return_type=str)]
"""An instant in UTC, written with milliseconds."""


class Condition(ApiModel):
    """One Kubernetes condition (KEP-1623)."""

    type: Code
    status: Annotated[str, Field(pattern="^(True|False|Unknown)$", max_length=7)]
    reason: Code
    message: Annotated[str, Field(max_length=2048)] = ""
    last_transition_time: Timestamp
    observed_generation: int | None = None
