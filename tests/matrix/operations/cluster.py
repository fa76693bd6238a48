"""Changing what is allowed on a cluster, and what everything stands on."""

from collections.abc import Callable
from typing import Any

import yaml

from tests.integration.api.cluster_in_use import until_spared
from tests.integration.api.installing import ROOT
from tests.matrix.operation import Operation, changed_by, put
from tests.matrix.operations.asking import OWNER
from tests.matrix.operations.deciding import ANN_SAID_YES
from tests.matrix.roles import Role
from tests.matrix.stage import CLUSTERS, HALTS, Scene, Stage, halt, tikvcluster
from tests.matrix.writes import PATCHES, Kind, Object, Place

_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
POLICY = Place(f"{_ADMISSION}/validatingadmissionpolicies", "assent-approvals")
BINDING = Place(f"{_ADMISSION}/validatingadmissionpolicybindings", "assent-approvals")
CRD = Place(
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "actionproposals.assent.tikv.org"
)
LEASE = Place("/apis/coordination.k8s.io/v1/namespaces/assent-system/leases", "assent")
ACCOUNT = Place("/api/v1/namespaces/assent-system/serviceaccounts", "assent")
ROLE_BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces/tikv/rolebindings"


def _cluster(**spec: Any) -> Any:
    return lambda stage, role: stage.cluster(**spec)


def sets(name: str, says: str, *, on: dict[str, Any] | None = None, **fields: Any) -> Operation:
    """Return an operation that sets fields of a TiKVCluster by dotted path; None removes."""
    change = changed_by(lambda found: put(found, fields))
    kinds = (*PATCHES, Kind.SUBRESOURCE)
    return Operation(name, says, _cluster(**(on or {})), kinds, change)


def _in_use(phase: str) -> Callable[[Stage, Role], Place]:
    """Return what makes a TiKVCluster with a proposal in that phase."""

    def prepare(stage: Stage, role: Role) -> Place:
        place = stage.cluster()
        spec = {"clusterRef": {"name": place.name}}
        scene = Scene(spec=spec, seats=ANN_SAID_YES.seats, phase=phase)
        proposal = stage.proposal(scene, role)
        until_spared(stage.kube, place.name, proposal.name)
        return place

    return prepare


CLUSTER = (
    Operation(
        "create-cluster",
        "creates a TiKVCluster",
        lambda stage, _: stage.nowhere(CLUSTERS),
        (Kind.CREATE, Kind.APPLY),
        lambda _, place, __: tikvcluster(place.name),
    ),
    Operation("delete-cluster", "deletes a TiKVCluster", _cluster(), (Kind.DELETE,)),
    *(
        Operation(
            f"delete-cluster-{word}",
            f"deletes one for which a proposal {what}",
            _in_use(phase),
            (Kind.DELETE,),
        )
        for word, phase, what in (
            ("in-use", "Executing", "is executed"),
            ("active", "Active", "is active"),
            ("rolling-back", "RollingBack", "is rolled back"),
            ("unknown", "OutcomeUnknown", "has an unknown outcome"),
        )
    ),
    sets("set-mode", "changes the mode", spec__mode="Observe"),
    sets("set-dry-run", "switches dry-run off", spec__dryRun=False),
    sets("set-max-tier", "raises the ceiling", spec__policy__maxTier="Critical"),
    sets("set-needed", "has fewer people asked", spec__policy__approvalsNeeded={"high": 1}),
    sets("set-expiry", "lets approvals live longer", spec__policy__expireAfter="9000h"),
    sets("set-endpoints", "puts another PD there", spec__pd__endpoints=["http://other:2379"]),
    sets("set-cluster-id", "pins another PD cluster", spec__pd__clusterId="7"),
    sets(
        "set-detection",
        "blinds a detector",
        spec__detection__rules__storeDown__disabled=True,
    ),
    sets("suspend", "suspends", spec__suspend=True),
    sets(
        "suspend-and-loosen",
        "suspends and switches dry-run off in one write",
        spec__suspend=True,
        spec__dryRun=False,
    ),
    sets("resume", "resumes", on={"suspend": True}, spec__suspend=False),
    sets("resume-by-removal", "removes suspend", on={"suspend": True}, spec__suspend=None),
    sets("own-cluster", "gives it an owner", metadata__ownerReferences=[OWNER]),
    sets("finalize-cluster", "gives it a finalizer", metadata__finalizers=["a.b/c"]),
    sets("label-cluster", "labels it", metadata__labels={"team": "db"}),
)


def _bound_halt(name: str, metadata: Object) -> Object:
    made = halt(name)
    made["metadata"] |= metadata
    return made


BRAKES = (
    Operation(
        "halt",
        "halts everything",
        lambda stage, _: stage.nowhere(HALTS),
        (Kind.CREATE, Kind.APPLY),
        lambda _, place, __: halt(place.name),
    ),
    *(
        Operation(
            f"halt-{word}",
            f"halts everything {what}",
            lambda stage, _: stage.nowhere(HALTS),
            (Kind.CREATE, Kind.APPLY),
            lambda _, place, __, bound=bound: _bound_halt(place.name, bound),  # type: ignore[misc]
        )
        for word, what, bound in (
            ("finalized", "by what nobody can end", {"finalizers": ["a.b/c"]}),
            ("owned", "by what goes with something else", {"ownerReferences": [OWNER]}),
        )
    ),
    Operation(
        "finalize-halt",
        "gives a halt a finalizer",
        lambda stage, _: stage.halt(),
        PATCHES,
        changed_by(lambda found: put(found, {"metadata__finalizers": ["a.b/c"]})),
    ),
    Operation("unhalt", "ends a halt", lambda stage, _: stage.halt(), (Kind.DELETE,)),
    Operation(
        "allow-rollback",
        "changes a halt",
        lambda stage, _: stage.halt(),
        PATCHES,
        changed_by(lambda found: put(found, {"spec__allowRollback": True})),
    ),
)


def tries(
    name: str, says: str, place: Place, kinds: tuple[Kind, ...] = PATCHES, **fields: Any
) -> Operation:
    """Return an operation on an object that all others rest on: by a server-side dry-run."""
    change = changed_by(lambda found: put(found, fields)) if fields else None
    return Operation(name, says, lambda *_: place, kinds, change, dry=True)


def _drop_rules(found: Object) -> None:
    for version in found["spec"]["versions"]:
        del version["schema"]["openAPIV3Schema"]["x-kubernetes-validations"]


def _role_binding(_: Object | None, place: Place, role: Role) -> Object:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": place.name},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "assent-approver-critical"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": role.user}],
    }


def _lease(_: Object | None, place: Place, __: Role) -> Object:
    version = "coordination.k8s.io/v1"
    return {"apiVersion": version, "kind": "Lease", "metadata": {"name": place.name}, "spec": {}}


_MANIFEST = yaml.safe_load((ROOT / "deploy/admission/journal.yaml").read_text().split("\n---\n")[0])


def _policy(_: Object | None, place: Place, __: Role) -> Object:
    return {**_MANIFEST, "metadata": {"name": place.name}}


def _token(_: Object | None, __: Place, ___: Role) -> Object:
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}


FOUNDATIONS = (
    tries("take-lease", "takes the Lease", LEASE, spec__holderIdentity="assent-9"),
    tries("delete-lease", "deletes the Lease", LEASE, (Kind.DELETE,)),
    Operation(
        "create-lease",
        "creates another Lease beside it",
        lambda stage, _: stage.nowhere(LEASE.folder),
        (Kind.CREATE,),
        _lease,
        dry=True,
    ),
    Operation(
        "create-the-lease",
        "creates the Lease in their own way",
        lambda *_: LEASE,
        (Kind.CREATE,),
        _lease,
        dry=True,
    ),
    tries("delete-policy", "deletes a policy", POLICY, (Kind.DELETE,)),
    tries("ignore-policy", "lets a failing policy pass", POLICY, spec__failurePolicy="Ignore"),
    tries(
        "empty-policy",
        "takes a policy's rules away",
        POLICY,
        spec__validations=[{"expression": "true"}],
    ),
    Operation(
        "create-policy",
        "creates a policy",
        lambda stage, _: stage.nowhere(POLICY.folder),
        (Kind.CREATE,),
        _policy,
        dry=True,
    ),
    tries("delete-binding", "deletes a binding", BINDING, (Kind.DELETE,)),
    tries("audit-only", "has a binding audit only", BINDING, spec__validationActions=["Audit"]),
    tries(
        "narrow-binding",
        "limits a binding to another namespace",
        BINDING,
        spec__matchResources__namespaceSelector={"matchLabels": {"a": "b"}},
    ),
    tries("delete-crd", "deletes the custom resource", CRD, (Kind.DELETE,)),
    Operation(
        "weaken-crd",
        "takes the custom resource's rules away",
        lambda *_: CRD,
        PATCHES,
        changed_by(_drop_rules),
        dry=True,
    ),
    Operation(
        "operator-token",
        "makes a token of the operator's account",
        lambda *_: ACCOUNT,
        (Kind.CREATE,),
        _token,
        subresource="token",
        dry=True,
    ),
    Operation(
        "grant",
        "gives themselves the right to approve Critical",
        lambda stage, _: stage.nowhere(ROLE_BINDINGS),
        (Kind.CREATE,),
        _role_binding,
        dry=True,
    ),
)

OPERATIONS = (*CLUSTER, *BRAKES, *FOUNDATIONS)
