"""Sets the scene of a cell: objects in any state, by writes that the gate lets through.

Whoever sets a scene has every right of RBAC (system:masters) under the name that the scene needs,
so that a role without rights can still stand there as an author or approver.
"""

import itertools
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from tests.integration.api.kubeapi import ADMIN, APPLY, GROUP_ROOT, NAMESPACE, KubeApi, Who
from tests.matrix.roles import OPERATOR, ROBOTS, Role
from tests.matrix.writes import MANAGER, Object, Place, declared

DIGEST = "sha256:0a"
TARGET = "region/4"
TRANSFER = {"type": "TransferLeader", "transferLeader": {"regionId": 4, "toStoreId": 2}}
EVICT = {"type": "EvictLeaders", "evictLeaders": {"storeId": 3}}
ASK = ("action", "proposedBy", "dryRun", "reason", "notBefore", "notAfter", "revertAfter")

PROPOSALS = f"{GROUP_ROOT}/namespaces/{NAMESPACE}/actionproposals"
CLUSTERS = f"{GROUP_ROOT}/namespaces/{NAMESPACE}/tikvclusters"
HALTS = f"{GROUP_ROOT}/halts"

Entry = dict[str, str]


def person(name: str) -> Who:
    """Return somebody with every right of RBAC."""
    return Who(name, ("system:masters",))


ANN = person("ann")
"""Approves or rejects before the role of the cell comes."""
AUTHOR = person("author")
BOT = person("system:serviceaccount:ci:bot")
"""Another service account than those of the roles."""

WALKS: dict[str, tuple[str, ...]] = {
    "Suggested": ("Suggested",),
    "Pending": ("Pending",),
    "Approved": ("Pending", "Approved"),
    "Rejected": ("Pending", "Rejected"),
    "Expired": ("Pending", "Expired"),
    "Executing": ("Pending", "Executing"),
    "Succeeded": ("Pending", "Executing", "Succeeded"),
    "Active": ("Pending", "Executing", "Active"),
    "RollingBack": ("Pending", "Executing", "RollingBack"),
    "OutcomeUnknown": ("Pending", "Executing", "OutcomeUnknown"),
}
"""How a proposal comes into a phase; decisions are made in the first of them."""


def yes(by: str, digest: str | None = DIGEST, **fields: str) -> Entry:
    """Return an Approve; None leaves the digest out."""
    entry = {"by": by, "decision": "Approve", **fields}
    return entry if digest is None else {**entry, "digest": digest}


def no(by: str, **fields: str) -> Entry:
    """Return a Reject."""
    return {"by": by, "decision": "Reject", **fields}


@dataclass(frozen=True)
class Scene:
    """How a proposal stands before the cell; ``{me}`` anywhere is the role of the cell."""

    author: str = "author"
    authors: tuple[str, ...] = ()
    """status.authors beside the author: who wrote the ask before."""
    tier: str = "Low"
    phase: str = "Pending"
    """Empty: the operator has not looked at it yet."""
    spec: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    seats: tuple[Entry, ...] = ()
    """Given one after the other, each in its own name."""
    then: dict[str, Any] | None = None
    """Changes of spec after all that, in the author's name."""
    resolved: bool = False
    """Ann has said that it happened."""
    status: dict[str, Any] = field(default_factory=dict)
    """Further fields of status, written with the last phase; None takes one away."""

    @property
    def own(self) -> bool:
        """True when the scene is another one for every role."""
        return "{me}" in repr(self)


class Stage:
    """One API server, the operator's pods on it, and names that nobody has used."""

    def __init__(self, kube: KubeApi, leader: Who, replica: Who) -> None:
        self.kube = kube
        self.leader = leader
        self.replica = replica
        self._numbers = itertools.count(1)

    def actor(self, role: Role) -> Who:
        """Return how this role calls."""
        pods = {"operator": self.leader, "replica": self.replica}
        return pods.get(role.name, role.who)

    def fresh_name(self) -> str:
        """Return a name for an object."""
        return f"m{next(self._numbers)}"

    def read(self, place: Place) -> Object | None:
        """Return the object as stored; None when there is none."""
        answer = self.kube.call("GET", place.path)
        return None if answer.code == 404 else answer.ok()

    def proposal(self, scene: Scene, role: Role) -> Place:
        """Return a proposal that stands as the scene says."""
        said = _in_the_name_of(scene, role)
        place = Place(PROPOSALS, self.fresh_name())
        stored = self._apply(place, filed(place.name, said), by=person(said.author))
        if not said.phase:
            return place
        first, *onward = WALKS[said.phase]
        status = _assessed(stored["spec"], said)
        self._status(place, {**status, "phase": first})
        entries: list[Entry] = []
        for entry in said.seats:
            entries.append(entry)
            stored["spec"]["approvals"] = entries
            self._apply(place, stored, by=person(entry["by"]))
        if said.then is not None:
            stored["spec"].update(said.then)
            self._apply(place, stored, by=person(said.author))
        for phase in onward:
            self._status(place, {**status, "phase": phase})
        if said.resolved:
            resolution = {"by": "ann", "outcome": "Happened", "digest": DIGEST}
            stored["spec"]["resolution"] = resolution
            self._apply(place, stored, by=ANN)
        if said.status:
            whole = {**status, "phase": said.phase, **said.status}
            self._status(place, {key: value for key, value in whole.items() if value is not None})
        return place

    def cluster(self, *, status: dict[str, Any] | None = None, **spec: Any) -> Place:
        """Return a TiKVCluster; in dry-run and mode Approval, as created."""
        place = Place(CLUSTERS, self.fresh_name())
        self._apply(place, tikvcluster(place.name, **spec), by=ADMIN)
        if status is not None:
            self._status(place, status)
        return place

    def halt(self) -> Place:
        """Return a Halt."""
        place = Place(HALTS, self.fresh_name())
        self._apply(place, halt(place.name), by=ADMIN)
        return place

    def nowhere(self, folder: str) -> Place:
        """Return where an object could be created."""
        return Place(folder, self.fresh_name())

    def _apply(self, place: Place, wanted: Object, *, by: Who) -> Object:
        query = {"fieldManager": MANAGER, "force": "true", "fieldValidation": "Strict"}
        body = declared(wanted)
        return self.kube.call(
            "PATCH", place.path, body, by=by, content_type=APPLY, query=query
        ).ok()

    def _status(self, place: Place, status: dict[str, Any]) -> None:
        kind = "ActionProposal" if place.folder == PROPOSALS else "TiKVCluster"
        body = _document(kind, place.name, status=status)
        query = {"fieldManager": MANAGER, "force": "true"}
        at = place.through("status").target
        self.kube.call("PATCH", at, body, by=self.leader, content_type=APPLY, query=query).ok()


def _document(kind: str, name: str, **parts: Any) -> Object:
    version = "assent.tikv.org/v1alpha1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **parts}


def filed(name: str, scene: Scene) -> Object:
    """Return the proposal of the scene as its author files it."""
    spec = {
        "clusterRef": {"name": "prod"},
        "proposedBy": scene.author,
        "reason": "as asked first",
        "action": deepcopy(TRANSFER),
        **deepcopy(scene.spec),
    }
    document = _document("ActionProposal", name, spec=spec)
    document["metadata"] |= deepcopy(scene.metadata)
    return document


def tikvcluster(name: str, **spec: Any) -> Object:
    """Return a TiKVCluster that has not been created."""
    spec = {"pd": {"endpoints": ["http://pd:2379"]}, **spec}
    return _document("TiKVCluster", name, spec=spec)


def halt(name: str) -> Object:
    """Return a Halt that has not been created."""
    return _document("Halt", name, spec={"reason": "incident 42"})


def _assessed(spec: Object, scene: Scene) -> Object:
    """Return what the operator writes when it has assessed the ask as it stands."""
    return {
        "digest": DIGEST,
        "revision": 2,
        "assessed": {name: spec[name] for name in ASK if name in spec},
        "authors": [*scene.authors, scene.author],
        "risk": {"tier": scene.tier, "factors": []},
        "target": {"clusterId": "1", "id": TARGET, "identity": []},
    }


def _in_the_name_of(scene: Scene, role: Role) -> Scene:
    """Return the scene with the role's user for ``{me}``.

    The operator has no seat, nor has a service account of the namespace, and no service account has
    one at High, whoever sets the scene: then their own seat is missing from it.
    """
    if not scene.own:
        return scene
    seats: Sequence[Entry] = scene.seats
    seatless = role.user.startswith(ROBOTS) and scene.tier in ("High", "Critical")
    of_here = role.user.startswith(f"{ROBOTS}{NAMESPACE}:")
    if seatless or of_here or role.user == OPERATOR:
        operators = role.user == OPERATOR
        seats = [one for one in seats if one["by"] != "{me}" or not (operators or _is_yes(one))]
    named = fill(
        {
            "author": scene.author,
            "authors": list(scene.authors),
            "spec": scene.spec,
            "metadata": scene.metadata,
            "seats": list(seats),
            "then": scene.then,
            "status": scene.status,
        },
        role,
    )
    named |= {"authors": tuple(named["authors"]), "seats": tuple(named["seats"])}
    return replace(scene, **named)


def _is_yes(entry: Entry) -> bool:
    return entry["decision"] == "Approve"


def fill(value: Any, role: Role) -> Any:
    """Return the value with the role's user name for every ``{me}``."""
    if isinstance(value, str):
        return value.replace("{me}", role.user)
    if isinstance(value, dict):
        return {key: fill(found, role) for key, found in value.items()}
    if isinstance(value, list):
        return [fill(found, role) for found in value]
    return value
