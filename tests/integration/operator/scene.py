"""One namespace with its people, a TiKVCluster and a running operator: what most tests stand on."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.library import Sandbox
from sandbox.records import ApiRequest, PdRequest

OPERATOR = "system:serviceaccount:assent-system:assent"
FAST_LEASE = {
    "ASSENT_LEASE_DURATION_SECONDS": "8",
    "ASSENT_RENEW_DEADLINE_SECONDS": "6.5",
    "ASSENT_RETRY_PERIOD_SECONDS": "0.5",
}
"""A lease short enough for tests, and long enough for one call to PD (4.5 s and its margin)."""

FORMER_LIMIT = 15
"""Of adding and of removing peers, a minute: what PD begins with, and every scene."""

DETECTION = {
    "interval": "1s",
    "coolDown": "1h",
    "rules": {
        "leftoverEviction": {"olderThan": "2s"},
        "leaderImbalance": {"lasting": "3s"},
        "storeDown": {"silentFor": "22s"},
    },
}

ROLES = {
    "sam": ("assent-proposer",),
    "ann": ("assent-proposer",),
    "alice": ("assent-approver-low", "assent-approver-medium", "assent-approver-high"),
    "bert": ("assent-approver-low", "assent-approver-medium", "assent-approver-high"),
}


class Scene:
    """What a test does as people do, and what it sees from outside."""

    def __init__(self, box: Sandbox, namespace: str) -> None:
        self.box = box
        self.namespace = namespace
        self.began = datetime.now(UTC).isoformat()

    # -- people -----------------------------------------------------------------------------------

    def invite(self) -> None:
        """Bind everybody to the shipped roles in this namespace, and wait until they may act."""
        for user, roles in ROLES.items():
            self.bind(user, *roles)
        self.await_right("bert", "approve", "high")

    def bind(self, user: str, *roles: str) -> None:
        """Bind a user to shipped roles in this namespace; see `await_right`."""
        self.box.apply(
            *(
                {
                    "apiVersion": "rbac.authorization.k8s.io/v1",
                    "kind": "RoleBinding",
                    "metadata": {"name": f"{user}-{role}", "namespace": self.namespace},
                    "roleRef": {
                        "apiGroup": "rbac.authorization.k8s.io",
                        "kind": "ClusterRole",
                        "name": role,
                    },
                    "subjects": [
                        {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
                    ],
                }
                for role in roles
            )
        )

    def await_right(
        self, user: str, verb: str, part: str, *, resource: str = "actionproposals"
    ) -> None:
        """Wait until the API server would let that user do that to proposals of the tier ``part``.

        RBAC learns of bindings by a watch, in their order: the last one tells of all.
        """
        asked = {
            "group": "assent.tikv.org",
            "resource": resource,
            "subresource": part,
            "namespace": self.namespace,
            "verb": verb,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": user, "resourceAttributes": asked},
        }
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        self.box.wait_for(
            lambda: self.box.objects.request("POST", path, review)["status"]["allowed"],
            30,
            f"the right of {user} to be known",
        )

    def watch(
        self, name: str = "prod", *, pd: Mapping[str, Any] | None = None, **spec: Any
    ) -> None:
        """Create a TiKVCluster on the sandbox's PD; dry-run is off unless said."""
        self.box.apply(
            {
                "apiVersion": "assent.tikv.org/v1alpha1",
                "kind": "TiKVCluster",
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": {
                    "pd": {"endpoints": self.box.pd_urls, **(pd or {})},
                    "dryRun": False,
                    "detection": DETECTION,
                    **spec,
                },
            }
        )

    def configure(self, **spec: Any) -> None:
        """Merge into the TiKVCluster's spec, as the administrator."""
        self._patch("tikvcluster", "prod", {"spec": spec}, None)

    def file(self, name: str, action: Mapping[str, Any], **ask: Any) -> None:
        """File a proposal by hand, as sam."""
        body = {
            "apiVersion": "assent.tikv.org/v1alpha1",
            "kind": "ActionProposal",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "clusterRef": {"name": "prod"},
                "proposedBy": "sam",
                "action": action,
                **ask,
            },
        }
        self.box.kubectl("create", "-f", "-", input=json.dumps(body), user="sam")

    def approve(self, name: str, by: str = "alice") -> None:
        """Approve what the proposal says now, beside what others have said."""
        found = self.get(name)
        seats = [item for item in found["spec"].get("approvals", []) if item["by"] != by]
        seats.append({"by": by, "decision": "Approve", "digest": found["status"]["digest"]})
        self._patch("actionproposal", name, {"spec": {"approvals": seats}}, by)

    def reject(self, name: str, by: str = "alice") -> None:
        """Reject it."""
        seats = [{"by": by, "decision": "Reject", "comment": "no"}]
        self._patch("actionproposal", name, {"spec": {"approvals": seats}}, by)

    def cancel(self, name: str, by: str = "sam") -> None:
        """Cancel it in one's own name."""
        self._patch("actionproposal", name, {"spec": {"cancel": {"by": by, "reason": "stop"}}}, by)

    def resolve(self, name: str, resolution: Mapping[str, str], by: str = "alice") -> None:
        """Say what came of an unknown call."""
        self._patch("actionproposal", name, {"spec": {"resolution": dict(resolution)}}, by)

    def edit(self, name: str, by: str, action: Mapping[str, Any]) -> None:
        """Change the action; the editor becomes the author, and approvals go."""
        spec = {"proposedBy": by, "action": action, "approvals": None}
        self._patch("actionproposal", name, {"spec": spec}, by)

    def _patch(self, kind: str, name: str, body: Mapping[str, Any], user: str | None) -> None:
        self.box.kubectl(
            "-n", self.namespace, "patch", kind, name, "--type=merge", "-p", json.dumps(body),
            user=user,
        )  # fmt: skip

    # -- what is seen -----------------------------------------------------------------------------

    def get(self, name: str, kind: str = "actionproposal") -> dict[str, Any]:
        """The object as it stands."""
        return self.box.get(kind, name, "-n", self.namespace)

    def status(self, name: str, kind: str = "actionproposal") -> dict[str, Any]:
        """Its status; empty when it has none."""
        return dict(self.get(name, kind).get("status", {}))

    def proposals(self) -> list[dict[str, Any]]:
        """Every proposal of the namespace."""
        return list(self.box.get("actionproposals", "-n", self.namespace)["items"])

    def found(self, rule: str) -> dict[str, Any] | None:
        """The newest proposal of that rule that is assessed."""
        mine = [
            item
            for item in self.proposals()
            if item["metadata"].get("labels", {}).get("assent.tikv.org/rule") == rule
            and item.get("status", {}).get("digest")
        ]
        return max(mine, key=lambda item: item["metadata"]["creationTimestamp"], default=None)

    def await_phase(
        self, name: str, phase: str, *, reason: str | None = None, timeout_seconds: float = 30
    ) -> dict[str, Any]:
        """The status once the proposal is in that phase (Pending: once it can be approved)."""

        def there() -> dict[str, Any] | None:
            status = self.status(name)
            ready = phase != "Pending" or "digest" in status
            right = reason is None or status.get("reason") == reason
            return status if status.get("phase") == phase and ready and right else None

        return self.box.wait_for(
            there, timeout_seconds, f"{name} to be {phase} ({reason or 'any reason'})"
        )

    def await_summary(self, name: str, summary: str) -> None:
        """Wait until so many have approved, as in ``1/2``."""

        def there() -> bool:
            return bool(self.status(name).get("approvals", {}).get("summary") == summary)

        self.box.wait_for(there, 30, f"{name} to have {summary} approvals")

    def await_state(
        self, state: str, name: str = "prod", *, timeout_seconds: float = 30
    ) -> dict[str, Any]:
        """The TiKVCluster's status once its state is that."""

        def there() -> dict[str, Any] | None:
            status = self.status(name, "tikvcluster")
            return status if status.get("state") == state else None

        return self.box.wait_for(there, timeout_seconds, f"TiKVCluster {name} to be {state}")

    def evict(self, store_id: int) -> None:
        """Do what somebody did before maintenance and forgot."""
        self.box.pd.post("/schedulers", {"name": "evict-leader-scheduler", "store_id": store_id})
        self.box.wait_for(
            lambda: self.box.pd.leader_counts()[store_id] == 0,
            60,
            f"store {store_id} to be without leaders",
        )

    def calls(self) -> list[PdRequest]:
        """What the operator asked PD to change since the scene began, from PD's side."""
        return [item for item in self.box.pd_writes(caller="assent") if item.started >= self.began]

    def writes(
        self, resources: tuple[str, ...] = ("actionproposals", "tikvclusters")
    ) -> list[ApiRequest]:
        """What the operator stored in this namespace, as the API server's audit log has it."""
        return [
            item
            for item in self.box.audit()
            if item.user == OPERATOR
            and item.persists
            and item.resource in resources
            and item.namespace == self.namespace
        ]


def stop_evicting(store_id: int) -> dict[str, Any]:
    """The action StopEvictLeaders."""
    return {"type": "StopEvictLeaders", "stopEvictLeaders": {"storeId": store_id}}


def evict_leaders(store_id: int) -> dict[str, Any]:
    """The action EvictLeaders."""
    return {"type": "EvictLeaders", "evictLeaders": {"storeId": store_id}}


def set_limit(store_id: int, rate: int) -> dict[str, Any]:
    """The action SetStoreLimit on add-peer."""
    return {
        "type": "SetStoreLimit",
        "setStoreLimit": {"storeId": store_id, "kind": "AddPeer", "ratePerMinute": rate},
    }
