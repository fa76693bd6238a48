"""Reads the TiDB Operator object that stands beside a TiKVCluster. Never written."""

from dataclasses import dataclass

from assent.api.v1alpha1.tikvcluster import TidbClusterKind, TidbClusterRef
from assent.kube.client import KubeClient
from assent.kube.errors import Forbidden, NotFound
from assent.kube.resources import KINDS, Raw

_KINDS = {
    TidbClusterKind.TIDB_CLUSTER: KINDS.tidb_cluster,
    TidbClusterKind.CLUSTER: KINDS.tidb_cluster_v2,
}


@dataclass(frozen=True, slots=True)
class TidbObject:
    """What could be read of the object."""

    raw: Raw | None
    """None when it could not be read."""
    problem: str | None
    """One sentence on why not; None when it was read."""


async def read_tidb_cluster(
    kube: KubeClient, ref: TidbClusterRef, *, default_namespace: str
) -> TidbObject:
    """Return the object, or why it cannot be had (missing, kind not installed, no right).

    Raises:
        Retryable: the API server did not answer; nothing is known.
    """
    namespace = ref.namespace or default_namespace
    try:
        return TidbObject(await kube.get(_KINDS[ref.kind], namespace, ref.name), None)
    except NotFound:
        problem = f"{ref.kind.value} {namespace}/{ref.name} does not exist, or its CRD does not"
        return TidbObject(None, problem)
    except Forbidden as error:
        return TidbObject(None, error.message)
