"""Tells whether the process behind an earlier intent is proven gone."""

from datetime import datetime

from assent.kube.client import KubeClient
from assent.kube.errors import NotFound
from assent.kube.resources import KINDS, Raw

OPERATOR_CONTAINER = "operator"
"""Name of our container in the pod (deploy/, helm/ and the sandbox agree on it)."""


def shows_container_ended(pod: Raw, *, wrote_at: datetime | None = None) -> bool:
    """Whether the Pod object proves that the process which once wrote is gone. Pure.

    Proof is that the container is terminated, or waits to be started again after it was, or (with
    ``wrote_at``, the instant by the writer's clock) that the one running now started later: it
    runs on the same node, so both instants are of one clock. A pod that is only being deleted
    proves nothing: its process may still run.
    """
    if wrote_at is not None and _made_after(pod, wrote_at):
        return False  # another pod of that name: it says nothing of the one that wrote
    # The pod's phase is not asked: Failed is also what a lost node's pods are set to.
    status = pod.get("status") or {}
    containers = [
        item
        for item in status.get("containerStatuses") or ()
        if item.get("name") == OPERATOR_CONTAINER
    ]
    if not containers:
        return False
    return all(_ended(item, wrote_at) for item in containers)


def _made_after(pod: Raw, wrote_at: datetime) -> bool:
    created = (pod.get("metadata") or {}).get("creationTimestamp")
    return isinstance(created, str) and datetime.fromisoformat(created) > wrote_at


def _ended(container: Raw, wrote_at: datetime | None) -> bool:
    state, before = container.get("state") or {}, container.get("lastState") or {}
    if "terminated" in state:
        return True
    if "waiting" in state:
        return "terminated" in before
    started = (state.get("running") or {}).get("startedAt")
    if wrote_at is None or "terminated" not in before or not isinstance(started, str):
        return False
    # startedAt is cut to whole seconds: the comparison errs towards "not proven".
    return datetime.fromisoformat(started) > wrote_at


async def container_ended(
    kube: KubeClient, namespace: str, pod_name: str, *, wrote_at: datetime | None = None
) -> bool:
    """Return True only when the API server shows that the process of that pod is gone.

    A Pod object that is gone proves nothing by itself: forced deletion removes the object
    while the process may live on, cut off from the API server.

    Raises:
        Retryable: it could not be read; nothing is known.
    """
    try:
        pod = await kube.get(KINDS.pod, namespace, pod_name)
    except NotFound:
        return False
    return shows_container_ended(pod, wrote_at=wrote_at)
