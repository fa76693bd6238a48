"""Parameters of actions on the members of PD."""

from typing import Annotated

from pydantic import Field

from assent.api.v1alpha1.base import ApiModel

MemberName = Annotated[
    str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
]


class TransferPDLeader(ApiModel):
    """Move the leadership of PD itself to another member."""

    to_member: MemberName
    """The member that shall lead, by its name, for example basic-pd-1."""
