"""Which stores a placement rule may use, as PD matches labels (``pkg/schedule/placement``)."""

from collections.abc import Mapping, Sequence

from assent.core.model.call import Json
from assent.core.model.snapshot import Store

EXCLUSIVE = frozenset({"engine", "exclusive"})
"""Labels, beside those that begin with ``$``, that keep every rule away that does not name them."""


def fits(store: Store, document: Mapping[str, Json]) -> bool:
    """Return True when the rule of that document may use the store: ``MatchLabelConstraints``."""
    found = items(document.get("label_constraints"))
    constraints = [one for one in found if isinstance(one, Mapping)]
    named = {one.get("key") for one in constraints}
    for key in store.labels:
        if (key.startswith("$") or key in EXCLUSIVE) and key not in named:
            return False
    return all(_meets(store, one) for one in constraints)


def label(store: Store, name: str) -> str:
    """Return the store's value of a label, empty for none; the case of its name does not matter."""
    wanted = name.casefold()
    return next((text for key, text in store.labels.items() if key.casefold() == wanted), "")


def items(value: Json) -> Sequence[Json]:
    """Return the elements of a list, none for anything else."""
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def _meets(store: Store, constraint: Mapping[str, Json]) -> bool:
    """``LabelConstraint.MatchStore``; an operation that is not known is met by no store."""
    value = label(store, str(constraint.get("key", "")))
    values = items(constraint.get("values"))
    match constraint.get("op"):
        case "in":
            return value != "" and value in values
        case "notIn":
            return value == "" or value not in values
        case "exists":
            return value != ""
        case "notExists":
            return value == ""
        case _:
            return False
