"""Marks as the tools really write them, and those that only look like it."""

import pytest

from assent.core.model.gitops import (
    ARGO_INSTANCE_KEYS,
    TRACKING_ID,
    GitOpsTool,
    ObjectId,
    Tracker,
    tracker_of,
)

MINE = ObjectId("assent.tikv.org", "ActionProposal", "tikv", "limit")
OWN_ID = "prod-tikv:assent.tikv.org/ActionProposal:tikv/limit"
KUSTOMIZE = "kustomize.toolkit.fluxcd.io"
HELM = "helm.toolkit.fluxcd.io"


def argo(owner: str) -> Tracker:
    return Tracker(GitOpsTool.ARGO_CD, owner)


def flux(owner: str) -> Tracker:
    return Tracker(GitOpsTool.FLUX, owner)


@pytest.mark.parametrize(
    ("labels", "annotations", "expected"),
    [
        pytest.param({}, {}, None, id="filed by hand or found: nobody would file it anew"),
        pytest.param({}, {TRACKING_ID: OWN_ID}, argo("prod-tikv"), id="method annotation"),
        pytest.param(
            {},
            {TRACKING_ID: f"team_{OWN_ID}"},
            argo("team_prod-tikv"),
            id="an Application in a namespace of its own",
        ),
        pytest.param(
            {"app.kubernetes.io/instance": "prod-tikv-cut-at-63"},
            {TRACKING_ID: OWN_ID},
            argo("prod-tikv"),
            id="method annotation+label: the label is cut, so the annotation is believed",
        ),
        pytest.param(
            {"app.kubernetes.io/instance": "prod-tikv"}, {}, argo("prod-tikv"), id="method label"
        ),
        pytest.param(
            {"argocd.argoproj.io/instance": "prod-tikv"},
            {},
            argo("prod-tikv"),
            id="method label with the key of Argo CD's documentation",
        ),
        pytest.param(
            {"example.com/app": "prod-tikv"}, {}, None, id="a key that nobody told us about"
        ),
        pytest.param(
            {f"{KUSTOMIZE}/name": "tikv", f"{KUSTOMIZE}/namespace": "flux-system"},
            {},
            flux("flux-system/tikv"),
            id="kustomize-controller",
        ),
        pytest.param(
            {
                f"{HELM}/name": "tikv",
                f"{HELM}/namespace": "flux-system",
                "app.kubernetes.io/instance": "tikv",
                "app.kubernetes.io/managed-by": "Helm",
            },
            {"meta.helm.sh/release-name": "tikv"},
            flux("flux-system/tikv"),
            id="helm-controller: the chart's own instance label does not make it Argo CD's",
        ),
        pytest.param(
            {
                "resourceset.fluxcd.controlplane.io/name": "tikv",
                "resourceset.fluxcd.controlplane.io/namespace": "flux-system",
            },
            {},
            flux("flux-system/tikv"),
            id="a ResourceSet of the Flux Operator",
        ),
        pytest.param(
            {f"{KUSTOMIZE}/name": "tikv"}, {}, flux("tikv"), id="half of a mark is a doubt: tracked"
        ),
        pytest.param(
            {f"{KUSTOMIZE}/name": "tikv", f"{KUSTOMIZE}/namespace": "flux-system"},
            {f"{KUSTOMIZE}/reconcile": "disabled", f"{KUSTOMIZE}/ssa": "Ignore"},
            flux("flux-system/tikv"),
            id="switched off here, but Git still has it",
        ),
        pytest.param(
            {"app.kubernetes.io/managed-by": "Helm"},
            {"meta.helm.sh/release-name": "tikv"},
            None,
            id="helm alone files nothing anew",
        ),
        pytest.param(
            {}, {"kubectl.kubernetes.io/last-applied-configuration": "{}"}, None, id="kubectl apply"
        ),
        pytest.param(
            {},
            {"argocd.argoproj.io/sync-wave": "1"},
            None,
            id="a wish for Argo CD is no mark of it",
        ),
        pytest.param({"app.kubernetes.io/instance": ""}, {}, None, id="an empty label"),
        pytest.param({f"{KUSTOMIZE}/name": ""}, {}, None, id="an empty label of Flux"),
    ],
)
def test_marks(
    labels: dict[str, str], annotations: dict[str, str], expected: Tracker | None
) -> None:
    """Each as the tool writes it."""
    assert tracker_of(MINE, labels=labels, annotations=annotations) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("prod:assent.tikv.org/ActionProposal:tikv/other", id="another name"),
        pytest.param("prod:assent.tikv.org/ActionProposal:other/limit", id="another namespace"),
        pytest.param("prod:assent.tikv.org/TiKVCluster:tikv/limit", id="another kind"),
        pytest.param("prod:apps/ActionProposal:tikv/limit", id="another group"),
        pytest.param("prod:assent.tikv.org/ActionProposal:tikv/limit-2", id="a longer name"),
        pytest.param("assent.tikv.org/ActionProposal:tikv/limit", id="no Application"),
        pytest.param(":assent.tikv.org/ActionProposal:tikv/limit", id="an empty Application"),
        pytest.param("prod", id="the name alone"),
        pytest.param("", id="empty"),
    ],
)
def test_an_annotation_copied_from_another_object_does_not_count(text: str) -> None:
    """Argo CD ignores it as well: it would neither prune nor re-create this object."""
    assert tracker_of(MINE, labels={}, annotations={TRACKING_ID: text}) is None


def test_a_copied_annotation_does_not_hide_another_mark() -> None:
    """Exported with its marks, and applied by Flux under a new name."""
    found = tracker_of(
        MINE,
        labels={f"{KUSTOMIZE}/name": "tikv", f"{KUSTOMIZE}/namespace": "flux-system"},
        annotations={TRACKING_ID: OWN_ID.replace("limit", "other")},
    )
    assert found == flux("flux-system/tikv")


def test_a_custom_label_key_counts_beside_or_instead_of_the_known_ones() -> None:
    """`application.instanceLabelKey` of argocd-cm is the user's choice."""
    labels = {"example.com/app": "prod-tikv"}
    beside = ARGO_INSTANCE_KEYS | {"example.com/app"}
    assert tracker_of(MINE, labels=labels, annotations={}, instance_keys=beside) == argo(
        "prod-tikv"
    )
    instead = frozenset({"example.com/app"})
    helm = {"app.kubernetes.io/instance": "written by a chart"}
    assert tracker_of(MINE, labels=helm, annotations={}, instance_keys=instead) is None


@pytest.mark.parametrize("namespace", ["", "tikv"])
def test_of_a_cluster_scoped_object_the_namespace_says_nothing(namespace: str) -> None:
    """A Halt in Git: Argo CD writes the namespace that its Application deploys to."""
    halt = ObjectId("assent.tikv.org", "Halt", "", "stop")
    marks = {TRACKING_ID: f"prod:assent.tikv.org/Halt:{namespace}/stop"}
    assert tracker_of(halt, labels={}, annotations=marks) == argo("prod")
    other = {TRACKING_ID: f"prod:assent.tikv.org/Halt:{namespace}/other"}
    assert tracker_of(halt, labels={}, annotations=other) is None
