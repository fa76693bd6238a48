"""What a process that has just begun to lead can know of what was seen before it."""

from collections.abc import Sequence

from assent.core.detection.finding import Memory, Sighting
from assent.core.detection.incident import UNDECIDED
from assent.core.model.resource import Cluster, Proposal


def recall(cluster: Cluster, proposals: Sequence[Proposal]) -> Memory:
    """Return a memory made of what the objects of this cluster say was reported.

    Without it a restart would start every clock anew: a problem an hour in the making would not
    be seen for an hour, and its open proposal would look as if the problem had gone.
    ``proposals`` are those of the cluster; finished ones are left out.
    """
    sightings = {
        f"{item.rule}/{item.target}": Sighting(since=item.since, reported=True)
        for item in cluster.status.diagnoses or ()
    }
    for proposal in proposals:
        finding = proposal.status.finding
        if finding is None or proposal.status.phase not in UNDECIDED:
            continue
        sightings[f"{finding.rule}/{finding.target}"] = Sighting(
            since=finding.seen_since, reported=True, action=proposal.spec.action
        )
    return Memory(sightings)
