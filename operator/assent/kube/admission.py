"""Tests the approval gate from outside: is it installed as shipped, and does it bite?

Until both hold nothing executes (DESIGN.md section 4).
"""

import asyncio
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from assent.api import meta
from assent.api.admission import deviations, policies
from assent.api.crdgen import custom_resource_definitions
from assent.errors import AssentError, Retryable
from assent.kube.client import KubeClient
from assent.kube.errors import Fenced, Forbidden, Invalid, NotFound
from assent.kube.resources import KINDS
from assent.settings import Settings

FORGED_BY: Final = "nobody-the-gate-is-being-tested"
NAMED: Final = "gate-self-test"
OWN_NAME_ONLY: Final = "in your own name"
"""In the message by which the approval policy refuses a forged approval."""
AUTHOR_ONLY: Final = "spec.proposedBy must be you"
"""In the message by which it refuses a forged author."""
TERMINATING: Final = "because it is being terminated"
"""In the message by which the API server refuses whatever is new in a namespace that goes away."""
DENIED_BY: Final = re.compile(r"ValidatingAdmissionPolicy '([^']+)' with binding '[^']+' denied")
"""How the API server names the policy that refused. Where several do it names one of them, and
which one that is depends on the order in which it happens to keep them (seen on 1.36.3)."""
IN_FORCE_SECONDS: Final = 3.0
"""How long after it was installed a policy is surely in force; a second or two, as seen."""
AT_ONCE: Final = 8
"""How many namespaces are tried at a time."""


@dataclass(frozen=True, slots=True)
class GateReport:
    """What a test of the gate found."""

    problem: str | None
    """One sentence on what is wrong; None when the gate stands."""
    deviates: bool = False
    """True when the gate was seen to be open: what people said meanwhile proves nothing. False
    also when it could merely not be tested."""
    hidden_by: str | None = None
    """Somebody else's policy that refused a forgery in place of ours; None when none did."""
    tried_in: frozenset[str] = frozenset()
    """The namespaces in which something was forged."""
    mark: str | None = None
    """Which installation of the gate this was; another after anything of it was edited or made
    anew, also when it was put back as it had been. None when it does not stand."""


@dataclass(frozen=True, slots=True)
class Forgery:
    """A proposal that only the gate can refuse, and the words by which it must."""

    what: str
    spec: Mapping[str, Any]
    refused_with: str

    def body(self, namespace: str) -> Mapping[str, Any]:
        """Return it as an object to create."""
        return {
            "apiVersion": KINDS.api_version,
            "kind": KINDS.proposal,
            "metadata": {"generateName": f"{NAMED}-", "namespace": namespace},
            "spec": self.spec,
        }


def forgeries(author: str) -> tuple[Forgery, ...]:
    """Return what the operator can try to forge with the one right it has: to create.

    An approval inside, in somebody else's name; and an ask in somebody else's name.
    """
    ask = {
        "clusterRef": {"name": NAMED},
        "proposedBy": author,
        "action": {"type": "StopEvictLeaders", "stopEvictLeaders": {"storeId": 1}},
        "dryRun": True,
    }
    approval = {"by": FORGED_BY, "decision": "Approve", "digest": "sha256:" + "0" * 64}
    return (
        Forgery("approval", {**ask, "approvals": [approval]}, OWN_NAME_ONLY),
        Forgery("author", {**ask, "proposedBy": FORGED_BY}, AUTHOR_ONLY),
    )


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


@cache
def shipped_definitions() -> tuple[Mapping[str, Any], ...]:
    """Return our CustomResourceDefinitions as this version ships them; half a second of CPU."""
    return tuple(custom_resource_definitions())


async def check_gate(kube: KubeClient, settings: Settings) -> GateReport:
    """Return whether the gate stands, and what is wrong with it if not.

    Compares the installed policies, bindings and CustomResourceDefinitions with the shipped ones
    (the gate's rules stand in both, and a definition of another version drops fields that the
    policies read, such as who wrote an ask), then tries forgeries
    (server-side dry-run, nothing is stored) in every namespace that is watched by name and in every
    one that has a TiKVCluster. Never raises for what the API server says: a gate that cannot be
    tested is one that does not stand.

    Users have policies of their own for proposals, and the API server names only one of those that
    refuse. Where that is another one, it proves that policies are in force there; ours are when
    they stand as shipped for ``IN_FORCE_SECONDS``.
    """
    try:
        report = await _tested(kube, settings)
        if report.problem is None and report.hidden_by is not None:
            await asyncio.sleep(IN_FORCE_SECONDS)
            report = await _tested(kube, settings)
    except AssentError as error:
        return GateReport(f"the approval gate cannot be tested: {error.message}")
    return report


async def _tested(kube: KubeClient, settings: Settings) -> GateReport:
    sentences, mark = await _compared(kube, settings)
    if sentences:
        return GateReport("; ".join(sentences), deviates=True)
    hidden_by = None
    namespaces = await _namespaces(kube, settings)
    for group in _groups(namespaces):
        for report in await asyncio.gather(*(_forge(kube, one, settings) for one in group)):
            if report.problem is not None:
                return report
            hidden_by = hidden_by or report.hidden_by
    return GateReport(None, hidden_by=hidden_by, tried_in=frozenset(namespaces), mark=mark)


def opening_shown_by(
    kind: str, event_type: str | None, raw: Mapping[str, Any], settings: Settings
) -> str | None:
    """Return how this event of the watch shows that the gate was open, None when it does not.

    Somebody may have closed it again before it is tested. ``event_type`` None is an object that
    was listed.
    """
    shipped = shipped_policies(settings.pod_namespace, settings.service_account)
    name = raw["metadata"]["name"]
    wanted = [one for one in shipped if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    installed = [] if event_type == "DELETED" else [{**raw, "kind": kind}]
    return "; ".join(deviations(installed, wanted)) or None


async def _compared(kube: KubeClient, settings: Settings) -> tuple[tuple[str, ...], str]:
    """Return what is not as shipped, a sentence each, and the mark of what is installed."""
    kinds = (KINDS.policy, KINDS.policy_binding)
    lists = await asyncio.gather(*(kube.list(kind) for kind in kinds))
    shipped = shipped_policies(settings.pod_namespace, settings.service_account)
    policing = [item for items in lists for item in items]
    found = deviations(policing, shipped)
    wanted = shipped_definitions()
    names = [definition["metadata"]["name"] for definition in wanted]
    installed = await asyncio.gather(*(kube.get(KINDS.definition, "", name) for name in names))
    others = (
        f"{KINDS.definition} {name} is not as shipped: install the CRDs of this version"
        for name, one, definition in zip(names, installed, wanted, strict=True)
        if _rules(one) != _rules(definition)
    )
    ours = {(one["kind"], one["metadata"]["name"]) for one in shipped}
    gate = [one for one in policing if (one["kind"], one["metadata"]["name"]) in ours]
    return (*found, *others), mark_of([*gate, *installed])


def mark_of(installed: Iterable[Mapping[str, Any]]) -> str:
    """Return the mark of these objects: a digest of their uids and generations.

    The API server gives each object made anew another uid, and counts each change of a spec.
    """
    versions = sorted(
        f"{one['metadata'].get('uid')}/{one['metadata'].get('generation')}" for one in installed
    )
    return hashlib.sha256("\n".join(versions).encode()).hexdigest()


def _rules(definition: Mapping[str, Any]) -> Any:
    """Return what a definition demands and keeps. Its descriptions may be left out (for size), and
    what only readers notice, which Kubernetes 1.30 knows in part (``selectableFields``).
    """
    spec = definition["spec"]
    conversion = spec.get("conversion", {}).get("strategy", "None")
    kept = ("name", "served", "storage", "subresources", "schema")
    versions = [{key: one.get(key) for key in kept} for one in spec["versions"]]
    return [conversion, *_undescribed(versions)]


def _undescribed(value: Any, *, names: bool = False) -> Any:
    """Return the schema without descriptions; below ``properties`` the keys are fields' names."""
    if isinstance(value, Mapping):
        return {
            key: _undescribed(item, names=key == "properties" and not names)
            for key, item in value.items()
            if names or key != "description"
        }
    return [_undescribed(item) for item in value] if isinstance(value, list) else value


async def _namespaces(kube: KubeClient, settings: Settings) -> list[str]:
    found = set(settings.watch_namespaces)
    if not found:
        found = {item["metadata"]["namespace"] for item in await kube.list(KINDS.cluster)}
    return sorted(found)


def _groups(namespaces: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(namespaces), AT_ONCE):
        yield namespaces[start : start + AT_ONCE]


async def _forge(kube: KubeClient, namespace: str, settings: Settings) -> GateReport:
    hidden_by = None
    for forgery in forgeries(settings.username):
        report = await _try(kube, namespace, forgery, settings)
        if report.problem is not None:
            return report
        hidden_by = hidden_by or report.hidden_by
    return GateReport(None, hidden_by=hidden_by)


async def _try(
    kube: KubeClient, namespace: str, forgery: Forgery, settings: Settings
) -> GateReport:
    try:
        await kube.create(KINDS.proposal, namespace, forgery.body(namespace), dry_run=True)
    except (Invalid, Forbidden, Fenced, NotFound) as error:
        if forgery.refused_with in error.message or _nothing_can_be_filed(error, namespace):
            return GateReport(None)
        if (other := _another_policy(error, settings)) is not None:
            return GateReport(None, hidden_by=other)
        return GateReport(
            f"a forged {forgery.what} in namespace {namespace} was refused for another reason:"
            f" {_same_words(error)}"
        )
    except Retryable as error:
        words = _same_words(error)
        return GateReport(f"the approval gate cannot be tested in namespace {namespace}: {words}")
    return GateReport(
        f"a forged {forgery.what} in namespace {namespace} was let through: the policy is not in"
        " force (a new one takes a second or two)",
        deviates=True,
    )


def _same_words(error: AssentError) -> str:
    """Return the refusal without the name that the API server made up for this one try: said anew
    at each test it would be news each time, in status and in an Event.
    """
    return re.sub(f"{NAMED}-[a-z0-9]{{5}}", NAMED, error.message)


def _another_policy(error: AssentError, settings: Settings) -> str | None:
    """Return the policy that refused, None when it is one of ours or none is named."""
    found = DENIED_BY.search(error.message)
    shipped = shipped_policies(settings.pod_namespace, settings.service_account)
    ours = {one["metadata"]["name"] for one in shipped}
    return found.group(1) if found and found.group(1) not in ours else None


def _nothing_can_be_filed(error: AssentError, namespace: str) -> bool:
    """Return whether the namespace is gone or going: one that goes must not stop all others, and
    the policies were compared for all of them.
    """
    gone = isinstance(error, NotFound) and f'namespaces "{namespace}" not found' in error.message
    return gone or TERMINATING in error.message
