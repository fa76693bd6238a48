"""Writes to placement rules and region label rules: always one whole rule."""

import re
from collections.abc import Callable, Mapping, Sequence

from assent.core.model.call import Json
from assent.pd.whitelist.shape import AllowedWrite, Body, nothing, path

NAME = "[A-Za-z0-9_][A-Za-z0-9_.-]*"
"""A group or an id in a path: nothing that PD's router would unescape, split or clean."""
LABEL_RULE_ID = f"(?!keyspaces%2F|schema%2F){NAME}(?:%2F[A-Za-z0-9_.-]*)*"
"""Escaped, and never one that PD or TiDB keeps."""

_NAME = re.compile(NAME, re.ASCII)
_OTHERS = ("keyspaces/", "schema/")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*", re.ASCII)
_OPERATORS = ("in", "notIn", "exists", "notExists")
_ROLES = ("voter", "leader", "follower", "learner")
_RULE = frozenset({"group_id", "id", "start_key", "end_key", "role", "count"})
_RULE_TOO = frozenset(
    {
        "index",
        "override",
        "is_witness",
        "label_constraints",
        "location_labels",
        "isolation_level",
    }
)


def _rule(body: Body | None) -> bool:
    return (
        body is not None
        and body.keys() >= _RULE
        and body.keys() <= _RULE | _RULE_TOO
        and _is_name(body["group_id"])
        and _is_name(body["id"])
        and _is_key(body["start_key"])
        and _is_key(body["end_key"])
        and body["role"] in _ROLES
        and type(body["count"]) is int
        and body["count"] > 0
        and type(body.get("index", 0)) is int
        and type(body.get("override", False)) is bool
        and body.get("is_witness", False) is False
        and _all(body.get("label_constraints", []), _is_constraint)
        and _all(body.get("location_labels", []), _is_text)
        and _is_text(body.get("isolation_level", ""))
    )


def _is_default(body: Body) -> bool:
    return (body["group_id"], body["id"]) == ("pd", "default")


def _label_rule(body: Body | None) -> bool:
    return (
        body is not None
        and set(body) == {"id", "index", "labels", "rule_type", "data"}
        and _is_text(body["id"])
        and not str(body["id"]).startswith(_OTHERS)
        and type(body["index"]) is int
        and body["rule_type"] == "key-range"
        and _all(body["labels"], _is_label)
        and _all(body["data"], _is_range)
    )


def _is_constraint(value: Json) -> bool:
    return (
        isinstance(value, Mapping)
        and value.keys() <= {"key", "op", "values"}
        and _is_text(value.get("key"))
        and value.get("op") in _OPERATORS
        and _all(value.get("values", []), _is_text)
    )


def _is_label(value: Json) -> bool:
    return (
        isinstance(value, Mapping)
        and value.keys() >= {"key", "value"}
        and value.keys() <= {"key", "value", "ttl", "start_at"}
        and all(_is_text(text) for text in value.values())
    )


def _is_range(value: Json) -> bool:
    return (
        isinstance(value, Mapping)
        and set(value) == {"start_key", "end_key"}
        and _is_key(value["start_key"])
        and _is_key(value["end_key"])
    )


def _all(value: Json, fits: Callable[[Json], bool]) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and all(fits(item) for item in value)
    )


def _is_text(value: Json) -> bool:
    return isinstance(value, str)


def _is_name(value: Json) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _is_key(value: Json) -> bool:
    return isinstance(value, str) and _HEX.fullmatch(value) is not None


PLACEMENT = (
    # Two kinds for one endpoint: PD sets max-replicas before it judges its default rule, so that
    # what proves of other rules that nothing happened proves nothing of this one.
    AllowedWrite(
        name="placement-rule",
        method="POST",
        path=path(r"/pd/api/v1/config/rule"),
        body=lambda body: _rule(body) and body is not None and not _is_default(body),
        route="/pd/api/v1/config/rule",
    ),
    AllowedWrite(
        name="default-placement-rule",
        method="POST",
        path=path(r"/pd/api/v1/config/rule"),
        body=lambda body: _rule(body) and body is not None and _is_default(body),
        route="/pd/api/v1/config/rule",
    ),
    AllowedWrite(
        name="delete-placement-rule",
        method="DELETE",
        path=path(rf"/pd/api/v1/config/rule/(?!pd/default$){NAME}/{NAME}"),
        body=nothing,
        route="/pd/api/v1/config/rule/{group}/{id}",
    ),
    AllowedWrite(
        name="region-label-rule",
        method="POST",
        path=path(r"/pd/api/v1/config/region-label/rule"),
        body=_label_rule,
        route="/pd/api/v1/config/region-label/rule",
    ),
    AllowedWrite(
        name="delete-region-label-rule",
        method="DELETE",
        path=path(rf"/pd/api/v1/config/region-label/rule/{LABEL_RULE_ID}"),
        body=nothing,
        route="/pd/api/v1/config/region-label/rule/{id}",
    ),
)
