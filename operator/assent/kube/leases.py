"""The Lease as a value, and its reads and compare-and-swap writes. Deciding is leadership's."""

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from assent.kube.client import KubeClient
from assent.kube.errors import Malformed, NotFound
from assent.kube.resources import KINDS, ROUTES, Raw

_DIGITS_PAST_MICROSECONDS = re.compile(r"(\.\d{6})\d+")


def micro_time(at: datetime) -> str:
    """Return the instant as Kubernetes' MicroTime: UTC, six digits, ``Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """A Lease as read or stored."""

    resource_version: str
    uid: str
    holder: str
    """Empty when nobody holds it: it was released, or never taken."""
    transitions: int
    """Equal to the epoch of the last term: every new term writes its epoch here."""
    duration_seconds: float
    renew_time: str
    """As the holder wrote it; compared for change only, its clock is not ours."""

    @property
    def beat(self) -> tuple[str, int, str, str]:
        """What changes with every renewal: as long as it stands still, nobody renews."""
        return self.holder, self.transitions, self.renew_time, self.uid


@dataclass(frozen=True, slots=True)
class LeaseClaim:
    """What a holder writes."""

    holder: str
    """Empty releases the Lease."""
    transitions: int
    duration_seconds: float
    renewed_at: datetime
    acquired_at: datetime | None = None
    """Set at the start of a term; None leaves what is stored."""


def parse_lease(raw: Raw) -> LeaseRecord:
    """Return the Lease as a value; absent fields read as "never taken".

    Raises:
        Malformed: a field has the wrong kind.
    """
    spec: Mapping[str, Any] = raw.get("spec") or {}
    try:
        return LeaseRecord(
            resource_version=raw["metadata"]["resourceVersion"],
            uid=raw["metadata"]["uid"],
            holder=spec.get("holderIdentity") or "",
            transitions=int(spec.get("leaseTransitions") or 0),
            duration_seconds=float(spec.get("leaseDurationSeconds") or 0),
            renew_time=_DIGITS_PAST_MICROSECONDS.sub(r"\1", spec.get("renewTime") or ""),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(f"the Lease cannot be read: {error}", field="spec") from error


def _spec(claim: LeaseClaim) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "holderIdentity": claim.holder,
        "leaseTransitions": claim.transitions,
        "leaseDurationSeconds": max(1, round(claim.duration_seconds)),
        "renewTime": micro_time(claim.renewed_at),
    }
    if claim.acquired_at is not None:
        spec["acquireTime"] = micro_time(claim.acquired_at)
    return spec


class Leases:
    """One Lease by name."""

    def __init__(self, kube: KubeClient, *, namespace: str, name: str) -> None:
        self._kube = kube
        self._namespace = namespace
        self._name = name

    async def read(self, *, timeout_seconds: float) -> LeaseRecord | None:
        """Return the Lease, None when there is none; errors as ``KubeClient``."""
        try:
            raw = await self._kube.get(
                KINDS.lease, self._namespace, self._name, timeout_seconds=timeout_seconds
            )
        except NotFound:
            return None
        return parse_lease(raw)

    async def create(self, claim: LeaseClaim, *, timeout_seconds: float) -> LeaseRecord:
        """Create the Lease, taken.

        Raises:
            AlreadyExists: somebody was faster.
        """
        body = {
            "apiVersion": ROUTES[KINDS.lease].api_version,
            "kind": KINDS.lease,
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": _spec(claim),
        }
        return parse_lease(
            await self._kube.create(
                KINDS.lease, self._namespace, body, timeout_seconds=timeout_seconds
            )
        )

    async def write(
        self, over: LeaseRecord, claim: LeaseClaim, *, timeout_seconds: float
    ) -> LeaseRecord:
        """Store the claim over exactly the record that was read.

        Raises:
            Conflict: the Lease changed since. Nothing was stored.
            NotFound: the Lease is gone.
            OutcomeUnknown: sent, no answer: read before believing anything.
        """
        body = {
            "metadata": {"resourceVersion": over.resource_version, "uid": over.uid},
            "spec": _spec(claim),
        }
        return parse_lease(
            await self._kube.patch(
                KINDS.lease, self._namespace, self._name, body, timeout_seconds=timeout_seconds
            )
        )

    async def changes(
        self, *, since: LeaseRecord, for_seconds: int
    ) -> AsyncGenerator[LeaseRecord, None]:
        """Yield the Lease after each change until the server ends the watch.

        A deletion ends it too. Errors as ``KubeClient``.
        """
        stream = self._kube.watch_one(
            KINDS.lease,
            self._namespace,
            self._name,
            resource_version=since.resource_version,
            for_seconds=for_seconds,
        )
        async with aclosing(stream) as events:
            async for kind, raw in events:
                if kind == "DELETED":
                    return
                if kind in ("ADDED", "MODIFIED"):
                    yield parse_lease(raw)
