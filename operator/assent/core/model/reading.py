"""What a snapshot shall show beyond what every snapshot shows."""

from dataclasses import dataclass
from enum import StrEnum


class Reading(StrEnum):
    """A part of the picture that costs PD calls of its own, so it is read only when asked for.

    A fixed number of calls each, whatever the size of the cluster.
    """

    REPLICATION = "replication"
    """``snapshot.replication``: GET /config/replicate."""
    PLACEMENT = "placement"
    """``snapshot.placement_rules``: GET /config/rules; and for every region asked for its
    ``snapshot.region_fits``: GET /config/rules/region/{id}/detail."""
    REGION_LABELS = "region-labels"
    """``snapshot.label_rules``: GET /config/region-label/rules."""
    PAUSES = "pauses"
    """``snapshot.paused_schedulers`` and ``disabled_schedulers``: GET /schedulers?status=."""
    MEMBERS = "members"
    """``snapshot.members``: GET /members and /health."""
    TOMBSTONES = "tombstones"
    """``snapshot.tombstones``: GET /stores?state=2."""
    REMOVALS = "removals"
    """``snapshot.removals``: GET /stores/progress?id= of every store that is Offline."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a decision needs to see."""

    region_ids: frozenset[int] = frozenset()
    """Regions to be read one by one, each with its operator; two calls each."""
    readings: frozenset[Reading] = frozenset()

    def __or__(self, other: "Wanted") -> "Wanted":
        """Return what shows both."""
        return Wanted(self.region_ids | other.region_ids, self.readings | other.readings)

    def __le__(self, other: "Wanted") -> bool:
        """Return True when a snapshot taken for ``other`` shows all of this."""
        return self.region_ids <= other.region_ids and self.readings <= other.readings
