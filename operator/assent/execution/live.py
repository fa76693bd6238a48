"""The last look before a call: what people have said since, read live, never from a cache."""

import asyncio
from dataclasses import dataclass

from assent.core.model.resource import Cluster, HaltOrder, Proposal
from assent.errors import Terminal
from assent.kube.client import KubeClient
from assent.kube.errors import NotFound
from assent.kube.resources import KINDS, parse_cluster, parse_halt, parse_proposal


@dataclass(frozen=True, slots=True)
class LiveState:
    """Proposal, cluster and halts as the API server has them now."""

    proposal: Proposal
    cluster: Cluster | None
    """None when it is gone."""
    halts: tuple[HaltOrder, ...]


def made_anew(proposal: Proposal) -> Terminal:
    """Return the error that ends the flight of a proposal whose object is another one now.

    Its journal went with it (a forced deletion); what was done stands, and nothing more is sent.
    """
    return Terminal(
        "MadeAnew", f"{proposal.meta.key} was deleted and made anew: its journal is lost"
    )


async def read_live(kube: KubeClient, proposal: Proposal) -> LiveState:
    """Return the live state, the three reads side by side.

    The two objects come from etcd itself. The halts come from the API server's watch cache, which
    is behind by the delivery of one etcd event: a consistent list right after any write waits
    about 92 ms for that cache (docs/adr/0004). The caller adds the halts of its own watch.

    Raises:
        Retryable: the API server did not answer; nothing is known and nothing may be called.
        Terminal: the proposal is gone, or one of them is malformed.
    """
    namespace = proposal.meta.namespace
    found, cluster, halts = await asyncio.gather(
        kube.get(KINDS.proposal, namespace, proposal.meta.name),
        _cluster(kube, namespace, proposal.spec.cluster_ref.name),
        kube.list(KINDS.halt, from_cache=True),
    )
    return LiveState(parse_proposal(found), cluster, tuple(parse_halt(item) for item in halts))


async def _cluster(kube: KubeClient, namespace: str, name: str) -> Cluster | None:
    try:
        return parse_cluster(await kube.get(KINDS.cluster, namespace, name))
    except NotFound:
        return None
