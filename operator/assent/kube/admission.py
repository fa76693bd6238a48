"""Tests the approval gate from outside: is it installed as shipped, and does it bite?

Until both hold nothing executes (DESIGN.md section 4).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from assent.api import meta
from assent.api.admission import deviations, policies
from assent.errors import AssentError, Retryable
from assent.kube.client import KubeClient
from assent.kube.errors import Fenced, Forbidden, Invalid, NotFound
from assent.kube.resources import KINDS
from assent.settings import Settings

FORGED_BY: Final = "nobody-the-gate-is-being-tested"
OWN_NAME_ONLY: Final = "in your own name"
"""In the message by which the approval policy refuses the forgery."""
MAX_NAMESPACES: Final = 50
"""How many namespaces are tried in one check; the bindings are compared for all of them."""


@dataclass(frozen=True, slots=True)
class GateReport:
    """What a test of the gate found."""

    problem: str | None
    """One sentence on what is wrong; None when the gate stands."""
    deviates: bool = False
    """True when the gate was seen to be open: what people said meanwhile proves nothing. False
    also when it could merely not be tested."""


def forgery(namespace: str, *, author: str) -> Mapping[str, Any]:
    """Return a proposal that comes with an approval inside, in somebody else's name."""
    return {
        "apiVersion": KINDS.api_version,
        "kind": KINDS.proposal,
        "metadata": {"generateName": "gate-self-test-", "namespace": namespace},
        "spec": {
            "clusterRef": {"name": "gate-self-test"},
            "proposedBy": author,
            "action": {"type": "StopEvictLeaders", "stopEvictLeaders": {"storeId": 1}},
            "dryRun": True,
            "approvals": [{"by": FORGED_BY, "decision": "Approve", "digest": "sha256:" + "0" * 64}],
        },
    }


@cache
def shipped_policies(namespace: str, service_account: str) -> tuple[Mapping[str, Any], ...]:
    """Return what must be installed for an operator there.

    Worked out once, by a standby already: it takes a tenth of a second of CPU, which a new leader
    would spend before its first act.
    """
    found = policies(
        namespace=namespace, service_account=service_account, lease_name=meta.LEASE_NAME
    )
    return tuple(found)


async def check_gate(kube: KubeClient, settings: Settings) -> GateReport:
    """Return whether the gate stands, and what is wrong with it if not.

    Compares the installed policies and bindings with the shipped ones, then tries a forged
    approval (server-side dry-run, nothing is stored) in every watched namespace that has a
    TiKVCluster. Never raises for what the API server says: a gate that cannot be tested is
    one that does not stand.
    """
    try:
        sentences = await _deviations(kube, settings)
        if sentences:
            return GateReport("; ".join(sentences), deviates=True)
        for namespace in await _namespaces(kube, settings):
            report = await _forge(kube, namespace, settings)
            if report.problem is not None:
                return report
    except AssentError as error:
        return GateReport(f"the approval gate cannot be tested: {error.message}")
    return GateReport(None)


async def _deviations(kube: KubeClient, settings: Settings) -> tuple[str, ...]:
    kinds = (KINDS.policy, KINDS.policy_binding)
    lists = await asyncio.gather(*(kube.list(kind) for kind in kinds))
    shipped = shipped_policies(settings.pod_namespace, settings.service_account)
    return deviations([item for items in lists for item in items], shipped)


async def _namespaces(kube: KubeClient, settings: Settings) -> list[str]:
    found: set[str] = set()
    for namespace in settings.watch_namespaces or ("",):
        found |= {
            item["metadata"]["namespace"] for item in await kube.list(KINDS.cluster, namespace)
        }
    return sorted(found)[:MAX_NAMESPACES]


async def _forge(kube: KubeClient, namespace: str, settings: Settings) -> GateReport:
    body = forgery(namespace, author=settings.username)
    try:
        await kube.create(KINDS.proposal, namespace, body, dry_run=True)
    except (Invalid, Forbidden, Fenced, NotFound) as error:
        if OWN_NAME_ONLY in error.message:
            return GateReport(None)
        return GateReport(
            f"the forged approval in namespace {namespace} was refused for another reason:"
            f" {error.message}"
        )
    except Retryable as error:
        return GateReport(
            f"the approval gate cannot be tested in namespace {namespace}: {error.message}"
        )
    return GateReport(
        f"a forged approval in namespace {namespace} was let through: the policy is not in force"
        " (a new one takes a second or two)",
        deviates=True,
    )
