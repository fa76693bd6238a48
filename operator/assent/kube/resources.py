"""JSON objects of the API server ↔ values of ``core.model.resource``; and where each kind lives.

Parsing is tolerant of fields it does not know and strict about those it needs: what does not fit
is one ``Malformed`` error that names the field, for one object, never the end of a loop.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from assent.api import meta
from assent.api.v1alpha1.actionproposal import (
    ActionProposal,
    ActionProposalSpec,
    ActionProposalStatus,
)
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.halt import Halt, HaltSpec
from assent.api.v1alpha1.tikvcluster import TiKVCluster, TiKVClusterSpec, TiKVClusterStatus
from assent.core.approvals.digest import as_approved
from assent.core.model.resource import Cluster, HaltOrder, Metadata, Proposal
from assent.kube.errors import Malformed

Raw = Mapping[str, Any]
"""An object as the API server sent it. Never changed in place: caches share it."""

Resource = Proposal | Cluster | HaltOrder
_Model = TypeVar("_Model", bound=ApiModel)


class KINDS:
    """Names of the kinds that this process reads or writes."""

    api_version: Final = meta.API_VERSION
    proposal: Final = ActionProposal.KIND
    cluster: Final = TiKVCluster.KIND
    halt: Final = Halt.KIND
    lease: Final = "Lease"
    event: Final = "Event"
    pod: Final = "Pod"
    secret: Final = "Secret"  # noqa: S105 - the name of a kind
    policy: Final = "ValidatingAdmissionPolicy"
    policy_binding: Final = "ValidatingAdmissionPolicyBinding"
    definition: Final = "CustomResourceDefinition"
    tidb_cluster: Final = "TidbCluster"
    tidb_cluster_v2: Final = "Cluster"


@dataclass(frozen=True, slots=True)
class Route:
    """Where one kind lives."""

    group: str
    """Empty for the core group."""
    version: str
    plural: str

    @property
    def api_version(self) -> str:
        """As it stands in ``apiVersion``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the path of the object, or of the list when ``name`` is empty.

        An empty ``namespace`` means a cluster-scoped kind, or a list over all namespaces.
        """
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root]
        parts += ["namespaces", namespace] if namespace else []
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)


ROUTES: Final[Mapping[str, Route]] = {
    KINDS.proposal: Route(meta.GROUP, meta.VERSION, ActionProposal.PLURAL),
    KINDS.cluster: Route(meta.GROUP, meta.VERSION, TiKVCluster.PLURAL),
    KINDS.halt: Route(meta.GROUP, meta.VERSION, Halt.PLURAL),
    KINDS.lease: Route("coordination.k8s.io", "v1", "leases"),
    KINDS.event: Route("", "v1", "events"),
    KINDS.pod: Route("", "v1", "pods"),
    KINDS.secret: Route("", "v1", "secrets"),
    KINDS.policy: Route("admissionregistration.k8s.io", "v1", "validatingadmissionpolicies"),
    KINDS.policy_binding: Route(
        "admissionregistration.k8s.io", "v1", "validatingadmissionpolicybindings"
    ),
    KINDS.definition: Route("apiextensions.k8s.io", "v1", "customresourcedefinitions"),
    KINDS.tidb_cluster: Route("pingcap.com", "v1alpha1", "tidbclusters"),
    KINDS.tidb_cluster_v2: Route("core.pingcap.com", "v1alpha1", "clusters"),
}


def name_of(raw: Raw) -> str:
    """Return ``namespace/name`` as far as the object tells, for messages."""
    found = raw.get("metadata")
    metadata = found if isinstance(found, Mapping) else {}
    return f"{metadata.get('namespace', '')}/{metadata.get('name', '?')}"


def _section(raw: Raw, name: str, *, what: str) -> Raw:
    found = raw.get(name)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise Malformed(f"{what}: {name} is not an object", field=name)
    return found


def _text(metadata: Raw, field: str, *, what: str) -> str:
    value = metadata.get(field)
    if not isinstance(value, str) or not value:
        raise Malformed(f"{what}: metadata.{field} is missing", field=f"metadata.{field}")
    return value


def parse_metadata(raw: Raw, *, what: str) -> Metadata:
    """Return what decisions need of an object's metadata.

    Raises:
        Malformed: a field is missing or of the wrong kind.
    """
    metadata = _section(raw, "metadata", what=what)
    created = _text(metadata, "creationTimestamp", what=what)
    try:
        created_at = datetime.fromisoformat(created)
        generation = int(metadata.get("generation", 0))
    except (TypeError, ValueError) as error:
        raise Malformed(
            f"{what}: metadata.creationTimestamp or metadata.generation cannot be read",
            field="metadata.creationTimestamp",
        ) from error
    return Metadata(
        namespace=str(metadata.get("namespace", "")),
        name=_text(metadata, "name", what=what),
        uid=_text(metadata, "uid", what=what),
        resource_version=_text(metadata, "resourceVersion", what=what),
        generation=generation,
        created_at=created_at,
        deleting=metadata.get("deletionTimestamp") is not None,
        labels=dict(_section(metadata, "labels", what=what)),
        finalizers=tuple(metadata.get("finalizers") or ()),
    )


def _model(model: type[_Model], raw: Raw, section: str, *, what: str) -> _Model:
    body = _section(raw, section, what=what)
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = section + "".join(
            f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]
        )
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        message = f"{what}: {path}: {first['msg']}{more}"
        raise Malformed(message, field=path) from None  # the input may hold what is not for logs


def parse_proposal(raw: Raw) -> Proposal:
    """Return the ActionProposal; a missing status becomes one whose fields are all None.

    In flight its ask is the one that was approved, also if somebody has edited spec since.

    Raises:
        Malformed: the message and ``field`` name what does not fit.
    """
    what = f"{KINDS.proposal} {name_of(raw)}"
    status = _model(ActionProposalStatus, raw, "status", what=what)
    return Proposal(
        meta=parse_metadata(raw, what=what),
        spec=as_approved(_model(ActionProposalSpec, raw, "spec", what=what), status),
        status=status,
    )


def parse_cluster(raw: Raw) -> Cluster:
    """Return the TiKVCluster; errors as ``parse_proposal``."""
    what = f"{KINDS.cluster} {name_of(raw)}"
    return Cluster(
        meta=parse_metadata(raw, what=what),
        spec=_model(TiKVClusterSpec, raw, "spec", what=what),
        status=_model(TiKVClusterStatus, raw, "status", what=what),
    )


def parse_halt(raw: Raw) -> HaltOrder:
    """Return the Halt; errors as ``parse_proposal``."""
    what = f"{KINDS.halt} {name_of(raw)}"
    return HaltOrder(
        meta=parse_metadata(raw, what=what), spec=_model(HaltSpec, raw, "spec", what=what)
    )


def parse(kind: str, raw: Raw) -> Resource:
    """Return the object of one of our three kinds; errors as ``parse_proposal``."""
    if kind == KINDS.proposal:
        return parse_proposal(raw)
    if kind == KINDS.cluster:
        return parse_cluster(raw)
    return parse_halt(raw)
