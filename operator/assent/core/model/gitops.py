"""Which GitOps tool keeps an object as Git has it, told by the marks that it leaves on it.

A finished proposal that Git still describes must not be pruned: the tool would file it anew.
So a doubt counts as a mark, but for one: an annotation that Argo CD itself ignores.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

TRACKING_ID = "argocd.argoproj.io/tracking-id"
"""Annotation ``APP:GROUP/KIND:NAMESPACE/NAME``, by Argo CD's methods ``annotation`` (the default
since 3.0) and ``annotation+label``."""

ARGO_INSTANCE_KEYS = frozenset({"app.kubernetes.io/instance", "argocd.argoproj.io/instance"})
"""Labels by Argo CD's method ``label``: its default, and the key that its documentation uses where
Helm charts write the default one themselves. ``application.instanceLabelKey`` may name another."""

FLUX_OWNERS = (
    "kustomize.toolkit.fluxcd.io",
    "helm.toolkit.fluxcd.io",
    "resourceset.fluxcd.controlplane.io",
)
"""Label prefixes of Flux's kustomize-controller, helm-controller and of the Flux Operator; each
writes ``/name`` and ``/namespace`` of its own object."""


class GitOpsTool(StrEnum):
    """Who applies what Git has."""

    ARGO_CD = "Argo CD"
    FLUX = "Flux"


@dataclass(frozen=True, slots=True)
class ObjectId:
    """What an object is called, as Argo CD writes it into its annotation."""

    group: str
    kind: str
    namespace: str
    """Empty for cluster-scoped objects."""
    name: str


@dataclass(frozen=True, slots=True)
class Tracker:
    """The tool that tracks an object."""

    tool: GitOpsTool
    owner: str
    """What it is called there: an Application, or ``namespace/name`` of Flux's object."""


def tracker_of(
    identity: ObjectId,
    *,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    instance_keys: frozenset[str] = ARGO_INSTANCE_KEYS,
) -> Tracker | None:
    """Return the GitOps tool that tracks the object, None when none does.

    ``instance_keys``: the labels that count for Argo CD. A tracking annotation of another object
    (copied along with a manifest) does not count, as it does not for Argo CD
    (``isSelfReferencedObj``). That reconciling is switched off by an annotation on the object
    (``kustomize.toolkit.fluxcd.io/reconcile: disabled``) changes nothing: were the object gone, the
    annotation would be, too.
    """
    if application := _tracking_id(annotations.get(TRACKING_ID, ""), identity):
        return Tracker(GitOpsTool.ARGO_CD, application)
    for prefix in FLUX_OWNERS:
        if name := labels.get(f"{prefix}/name"):
            namespace = labels.get(f"{prefix}/namespace", "")
            return Tracker(GitOpsTool.FLUX, f"{namespace}/{name}" if namespace else name)
    for key in sorted(instance_keys):
        if instance := labels.get(key):
            return Tracker(GitOpsTool.ARGO_CD, instance)
    return None


def _tracking_id(text: str, identity: ObjectId) -> str | None:
    """Return the Application that the annotation names, None when it speaks of another object.

    An Application outside Argo CD's own namespace is written ``NAMESPACE_APP``; none has a colon.
    Of what is cluster-scoped the annotation has the namespace that the Application deploys to.
    """
    application, _, rest = text.partition(":")
    typed, _, placed = rest.partition(":")
    namespace, _, name = placed.partition("/")
    same = typed == f"{identity.group}/{identity.kind}" and name == identity.name
    return application if same and identity.namespace in ("", namespace) else None
