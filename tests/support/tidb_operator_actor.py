"""TiDB Operator as PD and the API server meet it, v1 and v2: an actor for tests, on real parts.

It does what is known of the real ones and no more (source of release-1.6 and of v2): v1 keeps a
record of its evictions and ends only those, deletes the stores of a scale-in and of a failover,
and says what it is at in the status of its TidbCluster. v2 makes PD as its ``TiKV`` objects want it
at every reconcile: evictions that nobody asked it for end, removals that nobody asked it for are
cancelled. Pods are names only.
"""

import json
from collections.abc import Mapping
from typing import Any

from sandbox.library import Sandbox

EVICTION = "evict-leader-scheduler"


class TidbOperatorV1:
    """A TidbCluster `basic` whose pod number n has store n + 1."""

    def __init__(self, box: Sandbox, namespace: str, *, stores: int = 4) -> None:
        """Create the object, healthy and at rest."""
        self.box, self.namespace = box, namespace
        self.pods = {number + 1: f"basic-tikv-{number}" for number in range(stores)}
        box.apply(
            {
                "apiVersion": "pingcap.com/v1alpha1",
                "kind": "TidbCluster",
                "metadata": {"name": "basic", "namespace": namespace},
                "spec": {"tikv": {"replicas": stores}, "pd": {"replicas": 1}},
                "status": {},
            }
        )
        self._phases(tikv="Normal", pd="Normal")
        self._say({"tikv": {"stores": self._listed()}})

    # -- what it is at ----------------------------------------------------------------------------

    def begin_upgrade(self) -> None:
        """Start to restart pod after pod."""
        self._phases(tikv="Upgrade")

    def begin_pd_upgrade(self) -> None:
        """Start to restart PD's members."""
        self._phases(pd="Upgrade")

    def rest(self) -> None:
        """Be done with all of it."""
        self._phases(tikv="Normal", pd="Normal")

    def fail_over(self, store_id: int) -> None:
        """Find a store dead for too long and add a pod in its place, which is not Up yet."""
        pod = self.pods[store_id]
        stores = self._listed()
        stores[str(store_id)]["state"] = "Down"
        failed = {str(store_id): {"podName": pod, "storeID": str(store_id)}}
        self._say({"tikv": {"failureStores": failed, "stores": stores}})

    def end_failover(self, store_id: int) -> None:
        """See the replacement Up; the entry goes once somebody calls the failover off."""
        self._say({"tikv": {"failureStores": {str(store_id): None}, "stores": self._listed()}})

    # -- what it does in PD -----------------------------------------------------------------------

    def evict(self, store_id: int) -> None:
        """See the annotation tidb.pingcap.com/evict-leader on a pod: evict, and record it."""
        self.box.pd.post("/schedulers", {"name": EVICTION, "store_id": store_id})
        self._say({"tikv": {"evictLeader": {self.pods[store_id]: {"value": "none"}}}})

    def end_eviction(self, store_id: int) -> None:
        """See the annotation gone: end what it recorded, and nothing else."""
        recorded = self._object()["status"]["tikv"].get("evictLeader", {})
        if self.pods[store_id] not in recorded:
            return
        self.box.pd.delete(f"/scheduler-config/{EVICTION}/delete/{store_id}")
        self._say({"tikv": {"evictLeader": {self.pods[store_id]: None}}})

    def scale_in(self, replicas: int) -> None:
        """Have fewer replicas asked for: delete the last store, its pod stays until Tombstone."""
        self._want(replicas)
        self._phases(tikv="Scale")
        self.box.pd.delete(f"/store/{len(self.pods)}")

    def raise_replicas(self, replicas: int) -> None:
        """Have more asked for while the store is leaving: it does not bring it back (#6195)."""
        self._want(replicas)
        self._phases(tikv="Normal")

    def lose_pod(self, store_id: int) -> None:
        """Let a store have no pod any more, as after somebody's manual repair."""
        del self.pods[store_id]
        self._say({"tikv": {"stores": {str(store_id): None}}})
        self._want(len(self.pods))

    def _want(self, replicas: int) -> None:
        self._patch({"spec": {"tikv": {"replicas": replicas}}})

    def _phases(self, **phases: str) -> None:
        self._say({component: {"phase": phase} for component, phase in phases.items()})

    def _listed(self) -> dict[str, dict[str, str]]:
        return {
            str(store_id): {"id": str(store_id), "podName": pod, "state": "Up"}
            for store_id, pod in self.pods.items()
        }

    def _say(self, status: Mapping[str, Any]) -> None:
        self._patch({"status": status}, "--subresource=status")

    def _patch(self, body: Mapping[str, Any], *more: str) -> None:
        _patch(self.box, self.namespace, "tidbcluster", body, *more)

    def _object(self) -> dict[str, Any]:
        return self.box.get("tidbcluster", "basic", "-n", self.namespace)


class TidbOperatorV2:
    """A Cluster `basic`; what its TiKV objects want is held here."""

    def __init__(self, box: Sandbox, namespace: str) -> None:
        """Create the object, healthy and at rest."""
        self.box, self.namespace = box, namespace
        self.offline: set[int] = set()
        """Stores whose TiKV object has spec.offline true."""
        self.evicts: set[int] = set()
        """Stores of which ShouldEvictLeader is true: their pods are about to restart."""
        box.apply(
            {
                "apiVersion": "core.pingcap.com/v1alpha1",
                "kind": "Cluster",
                "metadata": {"name": "basic", "namespace": namespace},
                "spec": {},
                "status": {},
            }
        )

    def progress(self, *, under_way: bool) -> None:
        """Say whether a rollout is under way."""
        condition = {"type": "Progressing", "status": "True" if under_way else "False"}
        body = {"status": {"conditions": [condition]}}
        _patch(self.box, self.namespace, "clusters.core.pingcap.com", body, "--subresource=status")

    def reconcile(self) -> list[str]:
        """Make PD as it is wanted; return what was changed, for a test to see that it acted."""
        return [*self._evictions(), *self._removals()]

    def _evictions(self) -> list[str]:
        listed: set[int] = set()
        if EVICTION in self.box.pd.schedulers():
            found = self.box.pd.get(f"/scheduler-config/{EVICTION}/list")
            listed = {int(store_id) for store_id in found["store-id-ranges"]}
        for store_id in sorted(listed - self.evicts):
            self.box.pd.delete(f"/scheduler-config/{EVICTION}/delete/{store_id}")
        for store_id in sorted(self.evicts - listed):
            self.box.pd.post("/schedulers", {"name": EVICTION, "store_id": store_id})
        ended = [f"ended the eviction of store {number}" for number in sorted(listed - self.evicts)]
        return ended + [f"evicts store {number}" for number in sorted(self.evicts - listed)]

    def _removals(self) -> list[str]:
        done = []
        for store_id, store in sorted(self.box.pd.stores().items()):
            leaves = store["state_name"] == "Offline"
            if leaves and store_id not in self.offline:
                self.box.pd.post(f"/store/{store_id}/state?state=Up")
                done.append(f"cancelled the removal of store {store_id}")
            elif not leaves and store_id in self.offline:
                self.box.pd.delete(f"/store/{store_id}")
                done.append(f"removes store {store_id}")
        return done


def _patch(box: Sandbox, namespace: str, kind: str, body: Mapping[str, Any], *more: str) -> None:
    box.kubectl(
        "-n", namespace, "patch", kind, "basic", "--type=merge", "-p", json.dumps(body), *more
    )
