"""The names of the checks that an action makes, read from the code of its preconditions.

Running the preconditions would show only those of one cluster; the code has them all.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from assent.core.actions.action import Action

WITHIN = "assent.core.actions"


def check_names(action: Action[Any]) -> list[str]:
    """Return the names in the order of the code, each once; ``*`` stands for what varies.

    Raises:
        ValueError: a check's name is neither a literal nor built from one.
    """
    preconditions = type(action).preconditions
    assert isinstance(preconditions, FunctionType)  # noqa: S101 - a method of the class
    return list(dict.fromkeys(_Walk(type(action)).names(preconditions, {})))


class _Walk:
    """One walk through a function and all that it calls in the actions' own package."""

    def __init__(self, kind: type[Action[Any]]) -> None:
        self._kind = kind
        self._within: set[tuple[FunctionType, tuple[tuple[str, str], ...]]] = set()

    def names(self, function: FunctionType, known: dict[str, str]) -> list[str]:
        """Return the names that the function makes; ``known`` are literals it was called with."""
        call = (function, tuple(sorted(known.items())))
        if call in self._within or not function.__module__.startswith(WITHIN):
            return []
        self._within.add(call)
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        known = {**known, **dict(_assigned(tree))}
        found: list[str] = []
        for node in _calls_in_order(tree):
            called = self._called(node.func, function)
            if isinstance(node.func, ast.Name) and node.func.id == "Check":
                found.append(_name(node.args[0], known, function))
            elif called is not None:
                inner = self.names(called, _literal_arguments(node, called, known))
                found += [_renamed(name, tree, known) for name in inner]
        self._within.remove(call)
        return found

    def _called(self, target: ast.expr, within: FunctionType) -> FunctionType | None:
        found: object = None
        if isinstance(target, ast.Name):
            found = within.__globals__.get(target.id)
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            owner = within.__globals__.get(target.value.id)
            if target.value.id == "self":
                found = getattr(self._kind, target.attr, None)
            elif isinstance(owner, ModuleType):
                found = getattr(owner, target.attr, None)
        elif isinstance(target, ast.Attribute) and _is_super(target.value):
            later = self._kind.__mro__[1:]
            found = next(
                (vars(one)[target.attr] for one in later if target.attr in vars(one)), None
            )
        return found if isinstance(found, FunctionType) else None


def _calls_in_order(tree: ast.AST) -> list[ast.Call]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return sorted(calls, key=lambda node: (node.lineno, node.col_offset))


def _assigned(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the variables that are set to a literal, also as one of several."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        pairs = (
            zip(target.elts, value.elts, strict=True)
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
            else [(target, value)]
        )
        for one, text in pairs:
            if isinstance(one, ast.Name) and (shown := _text(text, {})) is not None:
                yield one.id, shown


def _literal_arguments(
    node: ast.Call, called: FunctionType, known: dict[str, str]
) -> dict[str, str]:
    """Return the texts that the function is called with, by the names of its parameters."""
    parameters = [name for name in inspect.signature(called).parameters if name != "self"]
    given = zip(parameters, node.args, strict=False)
    return {
        name: text
        for name, value in given
        if isinstance(value, ast.Constant) and (text := _text(value, known)) is not None
    }


def _renamed(name: str, tree: ast.AST, known: dict[str, str]) -> str:
    """Return the name as the function passes it on: ``check.name.replace("Region", role, 1)``."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "replace"
            and ast.unparse(node.func.value).endswith(".name")
        ):
            old, new = (_text(argument, known) for argument in node.args[:2])
            if old is not None and new is not None:
                name = name.replace(old, new, 1)
    return name


def _name(node: ast.expr, known: dict[str, str], function: FunctionType) -> str:
    found = _text(node, known)
    if found is None:
        raise ValueError(f"{function.__qualname__}: the name of a check is no literal")
    return found


def _text(node: ast.expr, known: dict[str, str]) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.FormattedValue):
        return _text(node.value, known) or "*"
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, known) or "" for part in node.values)
    return None


def _is_super(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"
    )
