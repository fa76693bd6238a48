"""What can be tried on an object, in which forms, and how the object stands before."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.matrix.roles import Role
from tests.matrix.stage import Scene, Stage, fill
from tests.matrix.writes import PATCHES, Kind, Object, Place

Prepare = Callable[[Stage, Role], Place]
Change = Callable[[Object], None]


@dataclass(frozen=True)
class Operation:
    """One row of the tables, or several, by kind of write."""

    name: str
    says: str
    """What somebody does, for the page: goes on after the role's name."""
    prepare: Prepare
    kinds: tuple[Kind, ...]
    wanted: Callable[[Object | None, Place, Role], Object] | None = None
    """The object as the writer wants it, from the one that is stored; None for a deletion."""
    own: bool = False
    """True when what is prepared is another for every role."""
    subresource: str = ""
    """Where it is written."""
    dry: bool = False
    """A server-side dry-run: what is tried on would be missed by all other cells."""

    @property
    def forging(self) -> bool:
        """True when a patch could do it: then every form of a patch is tried."""
        return any(kind in self.kinds for kind in PATCHES)

    def door(self, place: Place, kind: Kind) -> Place:
        """Return where this form of the write goes."""
        if kind is Kind.SUBRESOURCE:
            return place.through("status")
        return place.through("" if kind is Kind.PLAIN else self.subresource)


def on_proposal(name: str, says: str, scene: Scene, **spec: Any) -> Operation:
    """Return an operation that sets fields of a proposal's spec; None takes one away.

    A dotted name (``action__type``) is a path; ``{me}`` is the role's user.
    """
    return on_proposal_by(name, says, scene, lambda found: put(found["spec"], spec))


def on_proposal_by(name: str, says: str, scene: Scene, change: Change) -> Operation:
    """Return an operation that changes a proposal in any way but its status."""
    return Operation(
        name,
        says,
        prepare=lambda stage, role: stage.proposal(scene, role),
        kinds=(*PATCHES, Kind.SUBRESOURCE),
        wanted=changed_by(change),
        own=scene.own,
    )


def changed_by(change: Change) -> Callable[[Object | None, Place, Role], Object]:
    """Return what makes the wanted object: a changed copy, with the role's user for ``{me}``."""

    def wanted(stored: Object | None, place: Place, role: Role) -> Object:
        assert stored is not None, f"nothing is stored at {place.path}"
        copy = deepcopy(stored)
        change(copy)
        named = fill(copy, role)
        assert isinstance(named, dict)
        return named

    return wanted


def put(into: Object, fields: dict[str, Any]) -> None:
    """Set fields by dotted path (``action__type``), dictionaries made on the way; None removes."""
    for name, value in fields.items():
        *way, last = name.split("__")
        here = into
        for part in way:
            here = here.setdefault(part, {})
        if value is None:
            here.pop(last, None)
        else:
            here[last] = deepcopy(value)
