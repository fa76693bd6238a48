"""Halt: while one exists, nothing is called on any PD of the Kubernetes cluster."""

from typing import Annotated, ClassVar

from pydantic import Field

from assent.api.v1alpha1.base import ApiModel


class HaltSpec(ApiModel):
    """Why everything stops, and whether undoing may go on."""

    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    """What happened, for whoever finds everything standing still."""
    allow_rollback: bool = False
    """Let actions that are being undone finish their undo."""


class Halt(ApiModel):
    """Stop every call to every PD at once. Cluster-scoped; deleting it lets work go on."""

    KIND: ClassVar[str] = "Halt"
    PLURAL: ClassVar[str] = "halts"

    spec: HaltSpec
