"""How the leader reaches the PD of each cluster: clients made from the spec, reads that cure."""

from collections.abc import Callable
from datetime import datetime

from assent.api.reasons import ClusterState
from assent.controllers.clusters import ClusterController
from assent.core.diagnosis.tidb_operator import read_facts
from assent.core.model.reading import Wanted
from assent.core.model.resource import Cluster
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.tidb_operator import TidbOperatorFacts
from assent.errors import AssentError, Retryable
from assent.kube.client import KubeClient
from assent.kube.secrets import read_tls
from assent.kube.tidb import read_tidb_cluster
from assent.observability.metrics import Metrics
from assent.pd.client import PdClient
from assent.pd.tls import TlsFiles
from assent.pd.wire import Timeouts

PD_TIMEOUTS = Timeouts(connect_seconds=1.0, read_seconds=2.5, write_seconds=0.5, pool_seconds=0.5)
"""Together 4.5 s: a call must fit between the last renewal of the Lease and its deadline (10 s)."""


class PdConnector:
    """Makes PD clients and reads what stands beside PD."""

    def __init__(
        self, *, kube: KubeClient, metrics: Metrics, monotonic: Callable[[], float]
    ) -> None:
        self._kube = kube
        self._metrics = metrics
        self._monotonic = monotonic

    async def connect(self, cluster: Cluster) -> PdClient:
        """Return a client for spec.pd; nothing is sent to PD yet.

        Raises:
            Retryable: TLSFailed: the secret is missing, unreadable or holds no certificate.
        """
        access = cluster.spec.pd
        tls = None
        if access.tls is not None:
            try:
                files = await read_tls(self._kube, cluster.meta.namespace, access.tls.secret_name)
            except AssentError as error:
                raise Retryable(
                    ClusterState.TLS_FAILED, error.message, after_seconds=10.0
                ) from error
            tls = TlsFiles(ca=files.ca, cert=files.certificate, key=files.key)
        return PdClient(
            access.endpoints,
            tls=tls,
            timeouts=PD_TIMEOUTS,
            clock=self._monotonic,
            on_request=self._metrics.pd_request,
        )

    async def tidb_facts(
        self, cluster: Cluster, snapshot: ClusterSnapshot
    ) -> TidbOperatorFacts | None:
        """Return what TiDB Operator's object says; None when the cluster names none.

        An object that cannot be read is a fact of its own (``readable`` False), never an error:
        also while the API server does not answer, for PD can be looked at all the same.
        """
        reference = cluster.spec.pd.tidb_cluster_ref
        if reference is None:
            return None
        try:
            found = await read_tidb_cluster(
                self._kube, reference, default_namespace=cluster.meta.namespace
            )
        except AssentError as error:
            return read_facts(reference, None, snapshot.stores, error.message)
        return read_facts(reference, found.raw, snapshot.stores, found.problem)


class PdAccess:
    """The executor's way to PD, through the watchers that detection uses.

    An execution outlives edits of its TiKVCluster, so the object is taken as it is now: two
    readings of ``spec.pd`` would close each other's connections.
    """

    def __init__(self, clusters: ClusterController) -> None:
        self._clusters = clusters

    async def client(self, cluster: Cluster) -> PdClient:
        """Return the client for the cluster's PD."""
        cluster = self._clusters.current(cluster)
        return await self._clusters.watcher(cluster).client(cluster)

    async def snapshot(
        self, cluster: Cluster, wanted: Wanted, newer_than: datetime
    ) -> ClusterSnapshot:
        """Return a snapshot taken after that instant.

        Raises:
            Retryable: PD could not be read, for whatever reason; look again later.
        """
        cluster = self._clusters.current(cluster)
        look = await self._clusters.watcher(cluster).refresh(cluster, wanted, newer_than=newer_than)
        if look.snapshot is None:
            message = look.failure.message if look.failure else "PD was not read yet"
            raise Retryable(ClusterState.PD_UNREACHABLE, message)
        return look.snapshot

    def tidb_operator(self, cluster: Cluster) -> TidbOperatorFacts | None:
        """Return what TiDB Operator's object said just after the last snapshot; None when the
        cluster names none, or PD could not be read.
        """
        cluster = self._clusters.current(cluster)
        return self._clusters.watcher(cluster).look.tidb_operator
