"""Laws of the marks of GitOps tools: what they add counts, what anybody else writes does not."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from assent.core.model.gitops import (
    ARGO_INSTANCE_KEYS,
    FLUX_OWNERS,
    TRACKING_ID,
    GitOpsTool,
    ObjectId,
    tracker_of,
)

WORDS = st.text("abcxyz019-", min_size=1, max_size=12).map(lambda word: f"w{word}")
"""Names as Kubernetes has them; from a regular expression they take ten times as long."""
IDS = st.builds(
    ObjectId,
    group=st.sampled_from(["assent.tikv.org", "apps", ""]),
    kind=st.sampled_from(["ActionProposal", "TiKVCluster", "Halt"]),
    namespace=st.one_of(st.just(""), WORDS),
    name=WORDS,
)
OWN_MARKS = frozenset(
    {TRACKING_ID, *ARGO_INSTANCE_KEYS, *(f"{prefix}/name" for prefix in FLUX_OWNERS)}
)
KEYS = st.one_of(
    WORDS,
    st.sampled_from(
        [
            "argocd.argoproj.io/sync-wave",
            "argocd.argoproj.io/hook",
            "kustomize.toolkit.fluxcd.io/prune",
            "kustomize.toolkit.fluxcd.io/namespace",
            "app.kubernetes.io/managed-by",
            "assent.tikv.org/rule",
        ]
    ),
)
UNMARKED = st.dictionaries(KEYS.filter(lambda key: key not in OWN_MARKS), WORDS, max_size=5)


def tracking_id(application: str, of: ObjectId) -> str:
    """As Argo CD builds it (util/argo/resource_tracking.go, BuildAppInstanceValue)."""
    return f"{application}:{of.group}/{of.kind}:{of.namespace}/{of.name}"


@given(IDS, UNMARKED, UNMARKED)
def test_what_no_tool_wrote_is_not_tracked(
    identity: ObjectId, labels: dict[str, str], annotations: dict[str, str]
) -> None:
    """Wishes for a tool (waves, hooks, prune: disabled) are written by people."""
    assert tracker_of(identity, labels=labels, annotations=annotations) is None


@given(IDS, WORDS, UNMARKED, UNMARKED)
def test_the_annotation_of_this_very_object_counts(
    identity: ObjectId, application: str, labels: dict[str, str], annotations: dict[str, str]
) -> None:
    """Whatever else is on the object."""
    marked = {**annotations, TRACKING_ID: tracking_id(application, identity)}
    found = tracker_of(identity, labels=labels, annotations=marked)
    assert found is not None
    assert (found.tool, found.owner) == (GitOpsTool.ARGO_CD, application)


@given(IDS, IDS, WORDS)
def test_an_annotation_counts_for_its_own_object_only(
    mine: ObjectId, other: ObjectId, application: str
) -> None:
    """Exactly when the object that it names is this one, in all parts that this one has."""
    seen = replace(other, namespace=mine.namespace) if not mine.namespace else other
    marks = {TRACKING_ID: tracking_id(application, other)}
    found = tracker_of(mine, labels={}, annotations=marks)
    assert (found is not None) == (mine == seen)


@given(IDS, st.sampled_from(FLUX_OWNERS), WORDS, WORDS, UNMARKED)
def test_the_labels_of_flux_count(
    identity: ObjectId, prefix: str, name: str, namespace: str, labels: dict[str, str]
) -> None:
    """Whichever of its controllers wrote them."""
    marked = {**labels, f"{prefix}/name": name, f"{prefix}/namespace": namespace}
    found = tracker_of(identity, labels=marked, annotations={})
    assert found is not None
    assert (found.tool, found.owner) == (GitOpsTool.FLUX, f"{namespace}/{name}")


@given(IDS, WORDS, WORDS, UNMARKED)
def test_a_label_counts_when_its_key_is_asked_for(
    identity: ObjectId, key: str, application: str, labels: dict[str, str]
) -> None:
    """And does not when it is not."""
    marked = {**labels, key: application}
    asked = tracker_of(identity, labels=marked, annotations={}, instance_keys=frozenset({key}))
    assert asked is not None
    assert (asked.tool, asked.owner) == (GitOpsTool.ARGO_CD, application)
    none = frozenset[str]()
    assert tracker_of(identity, labels=marked, annotations={}, instance_keys=none) is None
