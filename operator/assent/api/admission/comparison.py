"""Comparing the policies that are installed with those that are shipped."""

from collections.abc import Iterable, Mapping
from typing import Any


def deviations(
    installed: Iterable[Mapping[str, Any]], shipped: Iterable[Mapping[str, Any]]
) -> tuple[str, ...]:
    """Return one sentence for each shipped object that is missing, differs, or is being deleted.

    Empty means that the gate stands as shipped. Objects that are not ours are ignored; both kinds
    are told apart by ``kind``, which lists from the API server do not repeat on their items: the
    caller fills it in.
    """
    found = {(item.get("kind"), item["metadata"]["name"]): item for item in installed}
    sentences = []
    for wanted in shipped:
        kind, name = wanted["kind"], wanted["metadata"]["name"]
        item = found.get((kind, name))
        if item is None:
            sentences.append(f"{kind} {name} is not installed")
        elif item["metadata"].get("deletionTimestamp"):
            sentences.append(f"{kind} {name} is being deleted")
        elif item.get("spec") != wanted["spec"]:
            fields = ", ".join(_differing(item.get("spec") or {}, wanted["spec"]))
            sentences.append(f"{kind} {name} is not as shipped: {fields}")
    return tuple(sentences)


def _differing(installed: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    keys = sorted({*installed, *wanted})
    return [f"spec.{key}" for key in keys if installed.get(key) != wanted.get(key)]
