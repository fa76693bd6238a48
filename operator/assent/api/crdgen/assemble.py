"""CustomResourceDefinitions as values, ready to be written as YAML."""

from typing import Any

from assent.api.crdgen.kinds import KINDS, Kind
from assent.api.crdgen.lean import lean_status, paths_read_by
from assent.api.crdgen.rules import rules_of
from assent.api.crdgen.structural import structural_schema
from assent.api.meta import CATEGORY, GROUP, VERSION

NOT_SEEN = {"observedGeneration": -1}
"""The status of what the operator has not looked at: without it kstatus, and so Flux, takes an
object with no status for one that is done."""


def custom_resource_definitions() -> list[dict[str, Any]]:
    """Return one CustomResourceDefinition a kind, always the same, in the order of ``KINDS``."""
    return [definition(kind) for kind in KINDS]


def definition(kind: Kind) -> dict[str, Any]:
    """Return the CustomResourceDefinition of one kind.

    Raises:
        SchemaError: its model has something that no structural schema can say.
    """
    names: dict[str, Any] = {
        "kind": kind.kind,
        "listKind": f"{kind.kind}List",
        "plural": kind.plural,
        "singular": kind.kind.lower(),
        "categories": [CATEGORY],
    }
    if kind.short_names:
        names["shortNames"] = list(kind.short_names)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": names,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "versions": [_version(kind)],
        },
    }


def _version(kind: Kind) -> dict[str, Any]:
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [column.wire() for column in kind.columns],
    }
    if kind.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in kind.selectable]
    if kind.has_status:
        version["subresources"] = {"status": {}}
    schema = full_schema(kind)
    if kind.has_status:
        properties = schema["properties"]
        lean = lean_status(properties["status"], _status_paths_read(kind))
        properties["status"] = {**lean, "default": dict(NOT_SEEN)}
    version["schema"] = {"openAPIV3Schema": schema}
    return version


def full_schema(kind: Kind) -> dict[str, Any]:
    """Return the schema with all that the models say of status, as the reference page shows it;
    the API server is given less of it (``crdgen.lean``). Errors as ``definition``.
    """
    return structural_schema(kind.model)


def _status_paths_read(kind: Kind) -> set[str]:
    shown = [*(column.json_path for column in kind.columns), *kind.selectable]
    read = paths_read_by(rule.rule for rule in rules_of(kind.model))
    return read | {path.removeprefix(".status.") for path in shown if path.startswith(".status.")}
