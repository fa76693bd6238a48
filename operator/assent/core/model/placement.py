"""Where PD wants replicas to be, and which regions it treats apart."""

from collections.abc import Mapping
from dataclasses import dataclass

from assent.core.model.call import Json


@dataclass(frozen=True, slots=True)
class PlacementRule:
    """One placement rule (GET /config/rules)."""

    group_id: str
    id: str
    role: str
    """``voter``, ``leader``, ``follower`` or ``learner``."""
    count: int
    start_key: str
    """Upper-case hex; empty for the beginning."""
    end_key: str
    """Upper-case hex; empty for the end."""
    document: Mapping[str, Json]
    """The whole rule as PD showed it, so that it can be put back as it was."""

    @property
    def key(self) -> str:
        """``group/id``."""
        return f"{self.group_id}/{self.id}"


@dataclass(frozen=True, slots=True)
class RegionFit:
    """How one region's peers fit the rules (GET /config/rules/region/{id}/detail)."""

    rules: tuple[PlacementRule, ...]
    """The rules that apply to the region."""
    store_ids_by_rule: Mapping[str, frozenset[int]]
    """By the rule's key: the stores whose peers it counts."""
    orphan_store_ids: frozenset[int]
    """Stores with a peer that no rule wants."""


@dataclass(frozen=True, slots=True)
class RegionLabelRule:
    """One rule that labels key ranges (GET /config/region-label/rules)."""

    id: str
    labels: Mapping[str, str]
    """For example ``schedule: deny``."""
    ranges: tuple[tuple[str, str], ...]
    """Start and end key in hex; empty for the beginning and the end."""
    document: Mapping[str, Json]
    """The whole rule as PD showed it, so that it can be put back as it was."""
