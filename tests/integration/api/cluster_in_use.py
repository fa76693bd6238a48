"""A TiKVCluster that a proposal in flight keeps from being deleted, once the API server knows it.

The policy reads proposals from the API server's watch cache (ADR 0015): one that was claimed a
moment ago may be missed. Whoever expects the refusal waits for it here first.
"""

from tests.integration.api.kubeapi import KubeApi, path
from tests.integration.api.waiting import until


def until_spared(kube: KubeApi, cluster: str, proposal: str) -> None:
    """Return once a (dry-run) deletion of the TiKVCluster is refused because of this proposal."""

    def refused() -> bool:
        answer = kube.call("DELETE", path("tikvclusters", cluster), query={"dryRun": "All"})
        return answer.code == 422 and f"in use: proposal {proposal} " in answer.message

    until(refused, what=f"the refusal to delete TiKVCluster {cluster}")
