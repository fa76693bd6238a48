"""What a process that has just begun to lead can know of what was seen before it."""

from collections.abc import Sequence

from assent.core.detection.finding import Memory, Sighting
from assent.core.detection.incident import UNDECIDED, labelled
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
        if proposal.status.phase not in UNDECIDED:
            continue
        if finding is not None:
            key, since = f"{finding.rule}/{finding.target}", finding.seen_since
        elif (draft := labelled(cluster, proposal)) is not None:
            # Created, and not assessed before the process ended: only its labels say what it is.
            key, since = "/".join(draft), proposal.meta.created_at
        else:
            continue
        sightings[key] = Sighting(since=since, reported=True, action=proposal.spec.action)
    return Memory(sightings)
