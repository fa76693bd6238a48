"""Comparing asks in CEL, made from the models, so that no field of the ask can be forgotten."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from assent.api.crdgen.structural import structural_schema
from assent.api.v1alpha1.actionproposal import ActionProposalSpec

AUTHOR = "proposedBy"

NOT_ASKED = frozenset({"clusterRef", "approvals", "cancel", "resolution"})
"""What of spec is not the ask. clusterRef cannot change at all (a CRD rule says so)."""


@cache
def ask_fields() -> Mapping[str, bool]:
    """Return the ask's fields in wire spelling, in the model's order; True marks an instant."""
    properties = structural_schema(ActionProposalSpec)["properties"]
    return MappingProxyType(
        {
            name: schema.get("format") == "date-time"
            for name, schema in properties.items()
            if name not in NOT_ASKED
        }
    )


def changed(old: str, new: str, *, without_author: bool = False) -> str:
    """Return CEL that is true when any field of the ask differs between two specs."""
    fields = [name for name in ask_fields() if not (without_author and name == AUTHOR)]
    return " || ".join(f"{old}.?{name} != {new}.?{name}" for name in fields)


def same(assessed: str, spec: str) -> str:
    """Return CEL that is true when the assessed ask is that of the spec.

    Instants are compared as instants: people write ``12:00:00Z``, the operator copies it with
    milliseconds.
    """
    return " && ".join(
        f"{assessed}.?{name}{_AS_INSTANT} == {spec}.?{name}{_AS_INSTANT}"
        if instant
        else f"{assessed}.?{name} == {spec}.?{name}"
        for name, instant in ask_fields().items()
    )


_AS_INSTANT = ".optMap(t, timestamp(t))"
