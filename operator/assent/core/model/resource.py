"""Custom resources as values: the metadata that decisions use, beside the typed body."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from assent.api.v1alpha1.actionproposal import ActionProposalSpec, ActionProposalStatus
from assent.api.v1alpha1.halt import HaltSpec
from assent.api.v1alpha1.tikvcluster import TiKVClusterSpec, TiKVClusterStatus


@dataclass(frozen=True, slots=True)
class Metadata:
    """What decisions need of an object's metadata."""

    namespace: str
    """Empty for cluster-scoped objects."""
    name: str
    uid: str
    resource_version: str
    generation: int
    created_at: datetime
    deleting: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    finalizers: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Proposal:
    """An ActionProposal as read."""

    meta: Metadata
    spec: ActionProposalSpec
    status: ActionProposalStatus
    """All-None when the object has no status yet."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A TiKVCluster as read."""

    meta: Metadata
    spec: TiKVClusterSpec
    status: TiKVClusterStatus


@dataclass(frozen=True, slots=True)
class HaltOrder:
    """A Halt as read."""

    meta: Metadata
    spec: HaltSpec
