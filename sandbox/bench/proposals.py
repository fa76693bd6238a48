"""Our side of the comparison: proposals filed ahead, approved one by one, each a real change."""

from collections.abc import Callable
from typing import Any

from sandbox.bench.connection import Connection, Object, Watch
from sandbox.errors import SandboxError
from sandbox.install import SAMPLE_NAMESPACE

CLUSTER = "demo"
AUTHOR = "bench-author"
APPROVER = "bench-approver"
ROLES = {
    AUTHOR: ("assent-proposer",),
    APPROVER: ("assent-approver-low", "assent-approver-medium"),
}
PATH = f"/apis/assent.tikv.org/v1alpha1/namespaces/{SAMPLE_NAMESPACE}/actionproposals"
KINDS = ("AddPeer", "RemovePeer")
# Both differ from PD's default of 15, and by less than the factor ten that makes them High.
RATES = (20, 25)
FINISHED = ("Succeeded", "Failed", "Rejected", "Expired", "Superseded", "Cancelled")


def rights() -> list[dict[str, Any]]:
    """RBAC of author and approver: the shipped roles, bound in the namespace."""
    return [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": f"{user}-{role}", "namespace": SAMPLE_NAMESPACE},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": role,
            },
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        }
        for user, roles in ROLES.items()
        for role in roles
    ]


def change(number: int, stores: int) -> dict[str, Any]:
    """The action of the sample of that number: a limit that no sample before it has set.

    As many samples as there are limits (two a store) touch each limit once; the next as many set
    the other rate.
    """
    turn, place = divmod(number, stores * len(KINDS))
    limit = {
        "storeId": place // len(KINDS) + 1,
        "kind": KINDS[place % len(KINDS)],
        "ratePerMinute": RATES[turn % len(RATES)],
    }
    return {"type": "SetStoreLimit", "setStoreLimit": limit}


def approval(digest: str) -> dict[str, Any]:
    """The merge patch by which the approver approves."""
    seat = {"by": APPROVER, "decision": "Approve", "digest": digest}
    return {"spec": {"approvals": [seat]}}


class Proposals:
    """Files, approves and follows proposals."""

    def __init__(
        self, author: Connection, approver: Connection, watch: Watch, *, stores: int
    ) -> None:
        self._author = author
        self._approver = approver
        self._watch = watch
        self._stores = stores
        self._filed = 0

    @property
    def batch(self) -> int:
        """How many may be filed ahead so that each is still a change when its turn comes."""
        return self._stores * len(KINDS)

    def file(self) -> str:
        """The name of the next proposal, filed."""
        name = f"bench-{self._filed:04d}"
        body = {
            "apiVersion": "assent.tikv.org/v1alpha1",
            "kind": "ActionProposal",
            "metadata": {"name": name, "namespace": SAMPLE_NAMESPACE},
            "spec": {
                "clusterRef": {"name": CLUSTER},
                "proposedBy": AUTHOR,
                "action": change(self._filed, self._stores),
            },
        }
        self._author.request("POST", PATH, body)
        self._filed += 1
        return name

    def assessed(self, name: str, tick: Callable[[], None]) -> str:
        """The digest that can be approved, once it stands there."""
        _, found = self._watch.until(name, _assessed, timeout_seconds=30.0, tick=tick)
        return str(found["status"]["digest"])

    def sample(self, name: str, digest: str, tick: Callable[[], None]) -> float:
        """When the approval was sent (seconds since 1970); the action has succeeded on return.

        Raises:
            SandboxError: the proposal ended in another way, or there was nothing to do.
        """
        sent = self._approver.timed_patch(f"{PATH}/{name}", approval(digest))
        _, found = self._watch.until(name, _finished, timeout_seconds=60.0, tick=tick)
        status = found["status"]
        if status["phase"] != "Succeeded" or status.get("reason") == "AlreadyDone":
            raise SandboxError(f"{name} ended as {status['phase']}: {status.get('message')}")
        return sent


def _assessed(found: Object) -> bool:
    status = found.get("status", {})
    return status.get("phase") == "Pending" and "digest" in status


def _finished(found: Object) -> bool:
    return found.get("status", {}).get("phase") in FINISHED
