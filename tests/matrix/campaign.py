"""Tries every cell on a real API server."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from tests.matrix.judge import Found, Tried, judge
from tests.matrix.operation import Operation
from tests.matrix.operations.groups import GROUPS
from tests.matrix.roles import ROLES, Role
from tests.matrix.stage import Stage
from tests.matrix.tables import NAUGHT, YES, Key, Refusal, sentences, table
from tests.matrix.writes import Kind, Object, Place, send


@dataclass(frozen=True)
class Job:
    """An operation in one form, to be tried by every role in turn."""

    operation: Operation
    kind: Kind
    expected: Mapping[Key, str]


def jobs(only: str = "") -> list[Job]:
    """Return everything there is to try; ``only`` limits it to operations with that in the name."""
    return [
        Job(operation, kind, expected)
        for group, operations in GROUPS.items()
        for expected in [table(group)]
        for operation in operations
        if only in operation.name
        for kind in operation.kinds
    ]


def campaign(stage: Stage, to_do: list[Job], *, workers: int) -> Iterator[Found]:
    """Return what came of every cell of these jobs, as they end."""
    refusals = dict(sentences())
    with ThreadPoolExecutor(workers) as pool:
        for future in as_completed([pool.submit(_do, stage, job, refusals) for job in to_do]):
            yield from future.result()


def _do(stage: Stage, job: Job, refusals: dict[str, Refusal]) -> list[Found]:
    """Let every role try; the object is made anew when it is another's or was changed."""
    found: list[Found] = []
    scene: tuple[Place, Object | None] | None = None
    for role in ROLES:
        key = (job.operation.name, job.kind, role.name)
        expected = job.expected[key]
        if scene is None or job.operation.own:
            try:
                place = job.operation.prepare(stage, role)
            except AssertionError as error:
                complaint = f"the scene cannot be set: {error}"
                found.append(Found(key, expected, False, complaint, 0, ""))
                continue
            scene = (place, stage.read(place))
        tried = _try(stage, job, role, *scene)
        found.append(judge(tried, expected, refusals))
        scene = (scene[0], tried.after) if tried.before == tried.after else None
    return found


def _try(stage: Stage, job: Job, role: Role, place: Place, before: Object | None) -> Tried:
    operation = job.operation
    make = operation.wanted
    wanted = None if make is None else make(before, place, role)
    door = operation.door(place, job.kind)
    actor = stage.actor(role)
    answer = send(
        stage.kube, job.kind, door, before=before, wanted=wanted, by=actor, dry=operation.dry
    )
    key = (operation.name, job.kind, role.name)
    after = stage.read(place)
    return Tried(operation, key, door, role.user, before, wanted, answer, after)


def summary(found: Iterable[Found]) -> dict[str, Any]:
    """Return the figures: what build/matrix.json says of the cells."""
    cells = list(found)
    by_role = {role.name: Counter[str]() for role in ROLES}
    for cell in cells:
        verdict = cell.expected if cell.expected in (YES, NAUGHT) else "refused"
        by_role[cell.key[2]][verdict] += 1
    wrong = [cell for cell in cells if cell.complaint]
    return {
        "cells": len(cells),
        "roleOperations": len({(cell.key[0], cell.key[2]) for cell in cells}),
        "escapes": sum(cell.escape for cell in cells),
        "wrong": len(wrong),
        "allowed": sum(cell.expected in (YES, NAUGHT) for cell in cells),
        "refused": sum(cell.expected not in (YES, NAUGHT) for cell in cells),
        "operations": len({cell.key[0] for cell in cells}),
        "roles": {name: dict(counts) for name, counts in by_role.items()},
        "kinds": dict(Counter(cell.key[1].value for cell in cells)),
        "complaints": [f"{' '.join(cell.key)}: {cell.complaint}" for cell in wrong],
    }
