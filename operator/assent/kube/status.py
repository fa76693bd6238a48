"""Writes status by compare-and-swap: over exactly the object that was read, or not at all."""

from collections.abc import Callable, Mapping
from typing import Any

from assent.api.v1alpha1.actionproposal import ActionProposalStatus
from assent.api.v1alpha1.tikvcluster import TiKVClusterStatus
from assent.errors import LeadershipLost
from assent.kube.client import KubeClient
from assent.kube.resources import KINDS, Raw, name_of

Status = ActionProposalStatus | TiKVClusterStatus


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch (RFC 7396) that turns ``old`` into ``new``; empty when equal.

    A field that ``new`` lacks becomes null, which removes it; lists are replaced whole.
    """
    patch: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        if value == before and name in old:
            continue
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            patch[name] = merge_patch(before, value)
        else:
            patch[name] = value
    return patch


def _epoch_of(kind: str, status: Mapping[str, Any]) -> int | None:
    holder = status.get("execution") if kind == KINDS.proposal else status
    epoch = holder.get("epoch") if isinstance(holder, Mapping) else None
    return epoch if isinstance(epoch, int) else None


def status_patch(
    kind: str, before: Mapping[str, Any], status: Mapping[str, Any], epoch: int
) -> dict[str, Any]:
    """Return the patch of ``.status``, empty when nothing changes; the writer's epoch rides along.

    Where the new status has an epoch (``execution.epoch`` of a proposal, ``epoch`` of a cluster)
    the patch always says it, raised to the writer's: the CRD's root rule compares what the
    write says, so a patch that left it out would pass from a deposed leader too (kubernetes.md
    2.3). An epoch alone is not a change: a new leader does not rewrite every object.

    Raises:
        LeadershipLost: the stored epoch is higher than the writer's; nothing was sent.
    """
    stored = _epoch_of(kind, before)
    if stored is not None and stored > epoch:
        raise LeadershipLost(f"the object was written in term {stored}, this is term {epoch}")
    wanted = dict(status)
    if kind == KINDS.cluster and "epoch" not in wanted and stored is not None:
        wanted["epoch"] = stored
    patch = merge_patch(before, wanted)
    if not patch:
        return patch
    if kind == KINDS.cluster:
        patch["epoch"] = epoch
    elif _epoch_of(kind, wanted) is not None:
        execution = patch.get("execution")
        patch["execution"] = {**(execution or {}), "epoch": epoch}
    return patch


class StatusWriter:
    """The only writer of ``.status``. One write, never repeated: conflicts are the caller's."""

    def __init__(self, kube: KubeClient, *, current_epoch: Callable[[], int]) -> None:
        self._kube = kube
        self._current_epoch = current_epoch

    async def write(self, kind: str, raw: Raw, status: Status) -> Raw:
        """Store ``status`` whole over the object ``raw``; return the object as stored.

        Returns ``raw`` itself, and sends nothing, when that is how it stands already. What
        ``raw`` has and ``status`` lacks is removed, fields of unknown versions included.

        Raises:
            Conflict: the object changed since it was read. Nothing was stored: decide again.
            NotFound: the object is gone.
            Fenced: the API server does not see this pod as leader. Nothing was stored.
            LeadershipLost: no term is running, or a later one has written. Nothing was stored.
            OutcomeUnknown: sent, no answer: read the object before anything else.
        """
        patch = status_patch(kind, raw.get("status") or {}, status.wire(), self._current_epoch())
        if not patch:
            return raw
        metadata = raw["metadata"]
        body = {
            # The version makes it compare-and-swap. It also tells a re-created object, for versions
            # are never used again; the uid alone is not compared on a status subresource.
            "metadata": {"resourceVersion": metadata["resourceVersion"], "uid": metadata["uid"]},
            "status": patch,
        }
        namespace, _, name = name_of(raw).partition("/")
        return await self._kube.patch(kind, namespace, name, body, subresource="status")
