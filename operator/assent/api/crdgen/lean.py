"""Status schemas with no more structure than the API server needs.

The API server walks every value of an object through its schema several times in every write. A
proposal's status is some 5 KB, nobody but the operator may write it (``assent-status-writer``), and
its models validate it before. So lists and objects of a status are left open, but for what CEL
rules, columns and field selectors read (docs/adr/0013).
"""

import re
from collections.abc import Iterable
from typing import Any

_PATH = re.compile(r"(?:self|oldSelf)\.status((?:\.\w+|\[[^\]]*\])+)")
_KEPT_OF_A_LIST = ("description", "type", "maxItems")

Tree = dict[str, "Tree"]


def paths_read_by(expressions: Iterable[str]) -> set[str]:
    """Return the fields below ``status`` that CEL rules of the whole object read, dotted.

    An index is left out: ``self.status.history[0].hash`` reads ``history.hash``.
    """
    found: set[str] = set()
    for expression in expressions:
        for match in _PATH.finditer(expression):
            found.add(re.sub(r"\[[^\]]*\]", "", match[1]).removeprefix("."))
    return found


def lean_status(status: dict[str, Any], read: Iterable[str]) -> dict[str, Any]:
    """Return the schema of ``status`` with lists and objects open, except for the paths in
    ``read``. Values at its top keep their schema.
    """
    tree: Tree = {}
    for path in read:
        branch = tree
        for name in path.split("."):
            branch = branch.setdefault(name, {})
    fields = {
        name: _open(field, tree.get(name, {})) for name, field in status["properties"].items()
    }
    # One writer owns all of it, so that nothing is gained by tracking owners field by field, and
    # the API server pays for that in every write.
    return {**status, "properties": fields, "x-kubernetes-map-type": "atomic"}


def _open(field: dict[str, Any], read: Tree) -> dict[str, Any]:
    if field["type"] == "array":
        return _open_list(field, read)
    if field["type"] == "object":
        return _open_object(field, read)
    return field


def _open_list(field: dict[str, Any], read: Tree) -> dict[str, Any]:
    if field["items"]["type"] != "object":
        return field
    kept = {key: field[key] for key in _KEPT_OF_A_LIST if key in field}
    names = _holding(field["items"])
    kept["description"] = " ".join(filter(None, (kept.get("description"), f"Each has {names}.")))
    items = _open_object(field["items"], read)
    return {**kept, "x-kubernetes-list-type": "atomic", "items": items}


def _open_object(field: dict[str, Any], read: Tree) -> dict[str, Any]:
    said = " ".join(filter(None, (field.get("description"), f"Has {_holding(field)}.")))
    opened: dict[str, Any] = {
        "description": said,
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
    }
    if read:
        properties = field["properties"]
        required = [name for name in field.get("required", ()) if name in read]
        if required:
            opened["required"] = required
        opened["properties"] = {name: _open(properties[name], read[name]) for name in sorted(read)}
    return opened


def _holding(field: dict[str, Any]) -> str:
    """Return the names that ``kubectl explain`` can no longer list."""
    return ", ".join(field["properties"])
