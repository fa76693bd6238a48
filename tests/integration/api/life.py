"""Brings a proposal into any state, only by writes that the gate lets through."""

import itertools
from dataclasses import dataclass
from typing import Any

from assent.api.admission.ask import ask_fields
from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.lifecycle import moves
from tests.integration.api.kubeapi import ADMIN, MERGE, Answer, KubeApi, Who, path
from tests.integration.api.people import SAM

DIGEST = "sha256:0a"
TARGET = "region/4"
PLURAL = "actionproposals"

TRANSFER = {"type": "TransferLeader", "transferLeader": {"regionId": 4, "toStoreId": 2}}
EVICT = {"type": "EvictLeaders", "evictLeaders": {"storeId": 3}}

ASK_FIELDS = tuple(ask_fields())


def approval(who: Who, **fields: str) -> dict[str, str]:
    """Return an Approve of the current digest in this person's name; None leaves a field out."""
    entry = {"by": str(who.user), "decision": "Approve", "digest": DIGEST, **fields}
    return {key: value for key, value in entry.items() if value != ""}


def rejection(who: Who) -> dict[str, str]:
    """Return a Reject in this person's name."""
    return {"by": str(who.user), "decision": "Reject"}


@dataclass
class Filed:
    """One proposal on the API server."""

    name: str
    kube: KubeApi
    operator: Who

    def read(self) -> dict[str, Any]:
        """Return it as stored."""
        return self.kube.call("GET", path(PLURAL, self.name)).ok()

    def patch(self, spec: dict[str, Any], *, by: Who) -> Answer:
        """Merge-patch its spec."""
        return self.merge({"spec": spec}, by=by)

    def merge(self, body: dict[str, Any], *, by: Who) -> Answer:
        """Merge-patch anything but status."""
        return self.kube.call("PATCH", path(PLURAL, self.name), body, by=by, content_type=MERGE)

    def status(self, fields: object, *, by: Who | None = None) -> Answer:
        """Merge-patch its status, as the leader unless said otherwise."""
        at = path(PLURAL, self.name, "status")
        body = {"status": fields}
        return self.kube.call("PATCH", at, body, by=by or self.operator, content_type=MERGE)

    def delete(self, *, by: Who) -> Answer:
        """Delete it."""
        return self.kube.call("DELETE", path(PLURAL, self.name), by=by)

    def assess(self, *, tier: str = "Low", target: str = TARGET) -> None:
        """Write what the operator writes when it has assessed the ask as it stands."""
        spec = self.read()["spec"]
        assessed = {field: spec.get(field) for field in ASK_FIELDS}
        self.status(
            {
                "phase": "Pending",
                "digest": DIGEST,
                "assessed": assessed,
                "risk": {"tier": tier, "factors": []},
                "target": {"clusterId": "1", "id": target, "identity": []},
                "authors": self._authors(spec["proposedBy"]),
            }
        ).ok()

    def _authors(self, latest: str) -> list[str]:
        known = self.read().get("status", {}).get("authors", [])
        return known if latest in known else [*known, latest]

    def walk_to(self, phase: str) -> None:
        """Move its phase there from Pending, along the lifecycle table."""
        for step in _route(Phase(phase)):
            self.status({"phase": step.value}).ok()


class Life:
    """Files proposals for one test, each under a name of its own."""

    def __init__(self, kube: KubeApi, operator: Who, *, prefix: str) -> None:
        self._kube = kube
        self._operator = operator
        self._prefix = prefix
        self._count = itertools.count(1)

    administrator = ADMIN

    def manifest(self, *, author: Who = SAM, **spec: Any) -> dict[str, Any]:
        """Return a proposal that has not been filed."""
        return {
            "apiVersion": "assent.tikv.org/v1alpha1",
            "kind": "ActionProposal",
            "metadata": {"name": f"{self._prefix}-{next(self._count)}"},
            "spec": {
                "clusterRef": {"name": "prod"},
                "proposedBy": author.user,
                "action": TRANSFER,
                **spec,
            },
        }

    def create(self, manifest: dict[str, Any], *, by: Who) -> Answer:
        """Try to file it."""
        return self._kube.call("POST", path(PLURAL), manifest, by=by)

    def adopt(self, manifest: dict[str, Any]) -> Filed:
        """Return the proposal that was created from this manifest."""
        return Filed(manifest["metadata"]["name"], self._kube, self._operator)

    def filed(self, *, author: Who = SAM, **spec: Any) -> Filed:
        """Return a proposal that was filed and not assessed."""
        manifest = self.manifest(author=author, **spec)
        self.create(manifest, by=author).ok()
        return self.adopt(manifest)

    def assessed(
        self,
        *,
        author: Who = SAM,
        tier: str = "Low",
        approvals: tuple[tuple[Who, dict[str, str]], ...] = (),
        phase: str = "Pending",
        **spec: Any,
    ) -> Filed:
        """Return a proposal that was assessed, decided on, and moved to this phase."""
        proposal = self.filed(author=author, **spec)
        proposal.assess(tier=tier)
        entries: list[dict[str, str]] = []
        for who, entry in approvals:
            entries = [*entries, entry]
            proposal.patch({"approvals": entries}, by=who).ok()
        proposal.walk_to(phase)
        return proposal


def _route(goal: Phase) -> list[Phase]:
    """Return the phases from Pending (left out) to the goal, the shortest way."""
    reach = moves()
    routes: dict[Phase, list[Phase]] = {Phase.PENDING: []}
    waiting = [Phase.PENDING]
    while goal not in routes:
        here = waiting.pop(0)
        for onward in sorted(reach[here]):
            if onward not in routes:
                routes[onward] = [*routes[here], onward]
                waiting.append(onward)
    return routes[goal]
