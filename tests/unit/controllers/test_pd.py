"""What stands beside PD is read once, and a failure to read it is a fact with a name."""

from dataclasses import replace

from aiohttp import web

from assent.api.v1alpha1.tikvcluster import PdAccess, TidbClusterRef
from assent.controllers.pd import PdConnector
from assent.core.model.resource import Cluster
from assent.kube.resources import KINDS
from assent.observability.metrics import Metrics
from tests.support.proposals import cluster
from tests.support.snapshots import snapshot
from tests.unit.execution.rig import Rig

PATH = "tidbclusters/db"


def connector(op: Rig) -> PdConnector:
    """The connector on the rig's API server."""
    return PdConnector(kube=op.kube, metrics=Metrics(), monotonic=lambda: 0.0)


def named(name: str | None) -> Cluster:
    """A TiKVCluster that names a TidbCluster, or none."""
    base = cluster()
    reference = None if name is None else TidbClusterRef(name=name)
    access = PdAccess(endpoints=["http://pd:2379"], tidb_cluster_ref=reference)
    return replace(base, spec=base.spec.model_copy(update={"pd": access}))


async def test_a_cluster_that_names_nothing_costs_no_request(op: Rig) -> None:
    """The plain case."""
    before = len(op.server.requests("GET"))
    assert await connector(op).tidb_facts(named(None), snapshot()) is None
    assert len(op.server.requests("GET")) == before


async def test_the_named_object_is_read_in_the_clusters_own_namespace(op: Rig) -> None:
    """Absent a namespace of its own."""
    body = {
        "metadata": {"name": "db", "namespace": "tikv"},
        "status": {"tikv": {"phase": "Upgrade"}},
    }
    op.server.put(KINDS.tidb_cluster, body)
    facts = await connector(op).tidb_facts(named("db"), snapshot())
    assert facts is not None
    assert (facts.readable, facts.busy_with) == (True, "upgrade")


async def test_an_object_that_is_missing_is_named(op: Rig) -> None:
    """Or its CRD is: the API server says the same of both."""
    facts = await connector(op).tidb_facts(named("db"), snapshot())
    assert facts is not None
    assert not facts.readable
    assert "TidbCluster tikv/db does not exist" in str(facts.problem)


async def test_a_missing_right_is_named(op: Rig) -> None:
    """Enough of it for an administrator to grant it."""
    refusal = {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no, not you"}
    op.server.order("GET", PATH, lambda: web.json_response(refusal, status=403), times=9)
    facts = await connector(op).tidb_facts(named("db"), snapshot())
    assert facts is not None
    assert not facts.readable
    assert "tidbclusters" in str(facts.problem)


async def test_a_silent_api_server_makes_it_unreadable_not_pd(op: Rig) -> None:
    """What is known of PD stands, and detection goes on with it."""
    op.server.order("GET", PATH, lambda: web.Response(status=503), times=9)
    facts = await connector(op).tidb_facts(named("db"), snapshot())
    assert facts is not None
    assert not facts.readable
    assert facts.problem
