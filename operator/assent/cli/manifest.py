"""Manifests as YAML: written by hand, for the standard library has no YAML."""

import json
import re
from collections.abc import Sequence
from typing import Any

from assent.cli.failures import CliError, Exit
from assent.cli.proposal import SERVICE_ACCOUNT, Json

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_ACCOUNT = re.compile(r"[a-z0-9-]+:[a-z0-9.-]+")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def to_yaml(value: Any, indent: int = 0) -> str:
    """Return a mapping or list in block style; strings are quoted unless they are plain words."""
    pad = "  " * indent
    if isinstance(value, dict):
        return "".join(_entry(f"{pad}{scalar(key)}:", one, indent) for key, one in value.items())
    return "".join(_item(one, indent) for one in value)


def _entry(start: str, value: Any, indent: int) -> str:
    if isinstance(value, dict) and value:
        return f"{start}\n{to_yaml(value, indent + 1)}"
    if isinstance(value, list | tuple) and value:
        return f"{start}\n{to_yaml(value, indent)}"
    return f"{start} {scalar(value)}\n"


def _item(value: Any, indent: int) -> str:
    pad = "  " * indent
    if isinstance(value, dict) and value:
        whole = to_yaml(value, indent + 1)
        return f"{pad}- {whole[len(pad) + 2 :]}"
    return f"{pad}- {scalar(value)}\n"


def scalar(value: Any) -> str:
    """Return one value on one line; JSON's spelling is YAML's, too."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    # What a terminal or an editor would not show as it is, is written as an escape.
    shown = not isinstance(value, str) or value.replace("\n", "").isprintable()
    return json.dumps(value, ensure_ascii=not shown)


def exported(document: Json, *, author: str | None = None) -> Json:
    """Return the proposal as it belongs into Git: the ask, without decisions and life.

    ``author``: who will apply it, if it is to be created from Git; None keeps the author.
    """
    meta, spec = document["metadata"], document["spec"]
    kept = {
        name: value
        for name, value in spec.items()
        if name not in ("approvals", "cancel", "resolution")
    }
    if author is not None:
        kept["proposedBy"] = author
    ordered = ["clusterRef", "proposedBy", "reason", "action"]
    return {
        "apiVersion": document["apiVersion"],
        "kind": document["kind"],
        "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
        "spec": {
            **{name: _type_first(kept[name]) for name in ordered if name in kept},
            **{name: kept[name] for name in kept if name not in ordered},
        },
    }


def _type_first(value: Any) -> Any:
    """The same with the type of the action, and of each step of a plan, before its parameters."""
    if isinstance(value, list):
        return [_type_first(one) for one in value]
    if not isinstance(value, dict):
        return value
    first = {"type": value["type"]} if "type" in value else {}
    return {**first, **{name: _type_first(one) for name, one in value.items() if name != "type"}}


def list_of(printed: Sequence[str], form: str) -> str:
    """Return the objects, each as kubectl printed it in this form (json or yaml), as a List."""
    if form == "yaml":
        items = "".join(f"- {_indented(one, 2)[2:]}\n" for one in printed)
        return f'apiVersion: v1\nitems:\n{items}kind: List\nmetadata:\n  resourceVersion: ""\n'
    items = ",\n".join(_indented(one, 8) for one in printed)
    start, end = '{\n    "apiVersion": "v1",\n    "items": [\n', "\n    ],\n"
    return (
        f'{start}{items}{end}    "kind": "List",\n    "metadata": {{\n'
        '        "resourceVersion": ""\n    }\n}\n'
    )


def _indented(text: str, columns: int) -> str:
    pad = " " * columns
    return "\n".join(f"{pad}{line}" if line else "" for line in text.rstrip().split("\n"))


def account(text: str) -> str:
    """Return the user name of the service account ``NAMESPACE:NAME``, or of that name written out.

    Raises:
        CliError: it is neither; a seat of such a name would never be taken.
    """
    short = text.removeprefix(SERVICE_ACCOUNT)
    if not _ACCOUNT.fullmatch(short):
        raise CliError(f"{text!r} is no service account: say NAMESPACE:NAME.", Exit.USAGE)
    return f"{SERVICE_ACCOUNT}{short}"
