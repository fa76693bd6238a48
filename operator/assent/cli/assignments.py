"""`toStoreId=5`: what a person may change of an ask, and what they meant by it."""

import copy
import json
import re
from collections.abc import Sequence
from typing import Any

from assent.cli.failures import CliError, Exit
from assent.cli.kinds import KINDS, member_of
from assent.cli.proposal import Json
from assent.cli.reading import similar

ABOUT = ("reason", "dryRun", "notBefore", "notAfter", "revertAfter")
"""Fields of the ask beside the action."""
OF_STEP = ("group", "waitUntil")
"""Fields of a plan's step beside its action."""
TEXTS = frozenset((
    "reason", "notBefore", "notAfter", "revertAfter", "endKey", "group", "groupId",
    "id", "isolationLevel", "key", "kind", "name", "operator", "policy", "role", "startKey",
    "toMember", "value",
))  # fmt: skip
"""Fields that are text whatever it looks like, `startKey=7480` too; as the models have it."""
STEP = re.compile(r"^(\d+)\.(.+)$")


def changed_ask(spec: Json, assignments: Sequence[str]) -> Json:
    """Return the fields of the ask that the assignments change, as they are to be.

    ``toStoreId=5`` sets a parameter of the action, ``2.toStoreId=5`` one of a plan's second step,
    ``2.group=`` takes it out of its group, ``reason=…`` a field beside the action, ``notAfter=``
    removes one.

    Raises:
        CliError: one is not understood or names no field; the message says what was meant.
    """
    changed: Json = {}
    action = copy.deepcopy(spec["action"])
    for text in assignments:
        path, sign, value = text.partition("=")
        if not sign:
            raise CliError(f"{text!r} is no NAME=VALUE such as toStoreId=5.", Exit.USAGE)
        if path in ABOUT:
            changed[path] = _value(path, value) if value else None
            continue
        place, name = _place(action, path)
        if value:
            place[name] = _value(name, value)
        elif action["type"] == "Plan":
            place.pop(name, None)  # the list of steps is sent whole
        else:
            place[name] = None  # what a merge patch removes
        changed["action"] = action
    return changed


def parameters_of(action: Json) -> Json:
    """Return the parameters of the action, to be changed in place."""
    found: Json = action.setdefault(member_of(str(action["type"])), {})
    return found


def _place(action: Json, path: str) -> tuple[Json, str]:
    step = STEP.match(path)
    if action["type"] == "Plan":
        steps = action["plan"]["steps"]
        if step is None:
            raise CliError(f"This is a plan: say which step, such as 2.{path}=…", Exit.USAGE)
        number = int(step[1])
        if not 1 <= number <= len(steps):
            raise CliError(f"The plan has no step {number}: 1 to {len(steps)}.", Exit.USAGE)
        if step[2] in OF_STEP:
            return steps[number - 1], step[2]
        return _place(steps[number - 1], step[2])
    known = KINDS[action["type"]].parameters if action["type"] in KINDS else ()
    parameters = parameters_of(action)
    if path not in known and path not in parameters:
        raise CliError(_unknown(path, str(action["type"]), known), Exit.USAGE)
    return parameters, path


def _unknown(path: str, action_type: str, known: Sequence[str]) -> str:
    everything = [*known, *ABOUT]
    near = similar(path, everything)
    meant = f" Did you mean {' or '.join(near)}?" if near else ""
    return f"{action_type} has no {path!r}.{meant} It has: {', '.join(everything)}."


def _value(name: str, text: str) -> Any:
    """Return the value of the field: text as it is, anything else as JSON reads it.

    Raises:
        CliError: it is null; that would remove the field without saying so.
    """
    if name in TEXTS:
        return text
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return text
    if found is None:
        raise CliError(f"To remove a field say {name}= with nothing after it.", Exit.USAGE)
    return found
