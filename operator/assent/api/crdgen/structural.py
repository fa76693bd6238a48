"""Pydantic models as Kubernetes structural schemas.

What the API server wants beyond JSON Schema (apiextensions v1, tried on 1.36): no ``$ref``, no
``anyOf`` with a null, no ``const``, no ``title``, a format on integers, defaults that survive
pruning, and a bound on every list and string, so that the cost of CEL rules can be estimated.
"""

from collections.abc import Mapping
from typing import Any

from assent.api.crdgen.rules import rules_of
from assent.api.v1alpha1.base import ApiModel

TIMESTAMP_PATTERN = (
    r"^2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(\.[0-9]{1,3})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""At most milliseconds: that is what the operator copies into the assessed ask, and an approval
compares the two instants. Years from 2000 to 2999: the API server takes 0000 and 9999 as well as
an offset of 24 hours, which the operator cannot turn into UTC (it would loop on the object, or
never see it)."""

_KEPT = (
    "description",
    "type",
    "format",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
)

_KNOWN = frozenset(
    {*_KEPT, "title", "default", "properties", "required", "items", "$ref", "$defs", "anyOf"}
)


class SchemaError(ValueError):
    """A model uses something that no structural schema can say; the message names the field."""


def structural_schema(model: type[ApiModel]) -> dict[str, Any]:
    """Return the schema of one model with everything in place and its CEL rules attached.

    Raises:
        SchemaError: a field is unbounded, recursive, or of a kind that the API server refuses.
    """
    document = model.model_json_schema(by_alias=True, mode="validation")
    definitions = document.get("$defs", {})
    # A model that contains itself is itself only a reference.
    root = definitions[model.__name__] if "$ref" in document else document
    return _Transform(definitions, _models_below(model)).object(
        root, path=model.__name__, within=(model.__name__,)
    )


def _models_below(model: type[ApiModel]) -> dict[str, type[ApiModel]]:
    """Return every model that can be reached, by class name."""
    found = {model.__name__: model}
    waiting: list[Any] = [field.annotation for field in model.model_fields.values()]
    while waiting:
        annotation = waiting.pop()
        waiting.extend(getattr(annotation, "__args__", ()))
        if (
            isinstance(annotation, type)
            and issubclass(annotation, ApiModel)
            and annotation.__name__ not in found
        ):
            found[annotation.__name__] = annotation
            waiting.extend(field.annotation for field in annotation.model_fields.values())
    return found


class _Transform:
    """One walk over one JSON Schema document."""

    def __init__(
        self, definitions: Mapping[str, Any], models: Mapping[str, type[ApiModel]]
    ) -> None:
        self._definitions = definitions
        self._models = models

    def object(
        self, node: Mapping[str, Any], *, path: str, within: tuple[str, ...]
    ) -> dict[str, Any]:
        """Return the schema of an object whose model is the last of ``within``."""
        properties = {
            name: self._field(field, path=f"{path}.{name}", within=within)
            for name, field in node.get("properties", {}).items()
        }
        schema: dict[str, Any] = {}
        if "description" in node:
            schema["description"] = _one_line(node["description"])
        schema["type"] = "object"
        if node.get("required"):
            schema["required"] = list(node["required"])
        schema["properties"] = properties
        rules = rules_of(self._models[within[-1]])
        if rules:
            schema["x-kubernetes-validations"] = [rule.wire() for rule in rules]
        return schema

    def _field(
        self, node: Mapping[str, Any], *, path: str, within: tuple[str, ...]
    ) -> dict[str, Any]:
        node = self._without_null(node, path=path)
        if "$ref" in node:
            return self._referenced(node, path=path, within=within)
        unknown = set(node) - _KNOWN
        if unknown:
            raise SchemaError(f"{path}: {', '.join(sorted(unknown))} has no structural form")
        schema = {key: node[key] for key in _KEPT if key in node}
        if "description" in schema:
            schema["description"] = _one_line(schema["description"])
        if node.get("default") is not None:
            schema["default"] = node["default"]
        if "type" not in node:
            raise SchemaError(f"{path}: a field needs exactly one type")
        _TYPES.get(node["type"], _unsupported)(schema, path)
        if node["type"] == "array":
            schema["items"] = self._field(node["items"], path=f"{path}[]", within=within)
        return schema

    def _referenced(
        self, node: Mapping[str, Any], *, path: str, within: tuple[str, ...]
    ) -> dict[str, Any]:
        name = str(node["$ref"]).rsplit("/", 1)[-1]
        definition = self._definitions[name]
        if name in within:
            raise SchemaError(f"{path}: {name} contains itself")
        own = {key: node[key] for key in ("description", "default") if key in node}
        if definition.get("type") != "object":
            return self._field({**definition, **own}, path=path, within=within)
        schema = self.object({**definition, **own}, path=path, within=(*within, name))
        if own.get("default") is not None:
            # Whole, not {}: the API server checks the rules on a default before it fills it in.
            schema["default"] = own["default"]
        return schema

    @staticmethod
    def _without_null(node: Mapping[str, Any], *, path: str) -> Mapping[str, Any]:
        """Return the one real branch of ``X | None``; absence says None in Kubernetes."""
        if "anyOf" not in node:
            return node
        branches = [branch for branch in node["anyOf"] if branch.get("type") != "null"]
        if len(branches) != 1:
            raise SchemaError(f"{path}: a choice of types has no structural form")
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        return {**branches[0], **rest}


def _string(schema: dict[str, Any], path: str) -> None:
    if schema.get("format") == "date-time":
        schema.update(maxLength=40, pattern=TIMESTAMP_PATTERN)
    if "maxLength" not in schema and "enum" not in schema:
        raise SchemaError(f"{path}: a string needs max_length")


def _integer(schema: dict[str, Any], _path: str) -> None:
    schema["format"] = "int64"


def _array(schema: dict[str, Any], path: str) -> None:
    if "maxItems" not in schema:
        raise SchemaError(f"{path}: a list needs max_length")
    schema.setdefault("x-kubernetes-list-type", "atomic")


def _boolean(_schema: dict[str, Any], _path: str) -> None:
    """Booleans need nothing more."""


def _unsupported(schema: dict[str, Any], path: str) -> None:
    raise SchemaError(f"{path}: type {schema['type']} has no structural form here")


_TYPES = {"string": _string, "integer": _integer, "array": _array, "boolean": _boolean}


def _one_line(text: str) -> str:
    return " ".join(text.split())
