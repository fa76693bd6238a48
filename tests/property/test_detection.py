"""What holds for detection on every cluster that a PD could show."""

from dataclasses import replace
from datetime import timedelta
from random import Random

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assent.api.v1alpha1.tikvcluster import Detection
from assent.core.actions.catalogue import action_of
from assent.core.detection.engine import detect
from assent.core.detection.finding import Memory, Observed, Problem
from assent.core.detection.incident import incident_of, propose
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.tidb_operator import TidbOperatorFacts
from assent.core.model.verdict import Deny
from tests.support.examples import examples
from tests.support.snapshots import NOW, consistent_snapshots, healthy_snapshots, unprepared
from tests.unit.core.detection.builders import OPERATOR, cluster

SETTINGS = settings(max_examples=examples(80), deadline=None)
RULES = Detection()
DAY = timedelta(days=1)

OPERATORS = st.sampled_from(
    [
        None,
        TidbOperatorFacts("TidbCluster", "db", None),
        TidbOperatorFacts("TidbCluster", "db", "upgrade"),
        TidbOperatorFacts("TidbCluster", "db", None, readable=False),
        TidbOperatorFacts("Cluster", "db", None),
    ]
)


def lasting(observed: Observed) -> tuple[Problem, ...]:
    """Return what is reported when the same has been seen for a day."""
    _, memory = detect(observed, RULES, Memory(), NOW - DAY)
    return detect(observed, RULES, memory, NOW)[0]


@SETTINGS
@given(healthy_snapshots())
def test_a_healthy_cluster_has_no_problem(seen: ClusterSnapshot) -> None:
    """However large or small it is, and however long one looks."""
    assert lasting(Observed(seen)) == ()


@SETTINGS
@given(consistent_snapshots(minimum_stores=2), OPERATORS, st.randoms(use_true_random=True))
def test_the_order_of_stores_and_regions_does_not_matter(
    seen: ClusterSnapshot, operator: TidbOperatorFacts | None, random: Random
) -> None:
    """PD promises no order."""
    stores, sample = list(seen.stores), list(seen.sample)
    random.shuffle(stores)
    random.shuffle(sample)
    shuffled = replace(seen, stores=tuple(stores), sample=tuple(sample))
    assert lasting(Observed(shuffled, operator)) == lasting(Observed(seen, operator))


@SETTINGS
@given(consistent_snapshots(), OPERATORS, st.integers(1, 3600))
def test_constant_input_never_flaps(
    seen: ClusterSnapshot, operator: TidbOperatorFacts | None, interval_seconds: int
) -> None:
    """Once reported, always reported, with the same sentence, action and fingerprint."""
    observed, memory, reported = Observed(seen, operator), Memory(), dict[str, Problem]()
    for cycle in range(8):
        now = NOW + cycle * timedelta(seconds=interval_seconds)
        problems, memory = detect(observed, RULES, memory, now)
        shown = {item.key: item for item in problems}
        assert {key: shown.get(key) for key in reported} == reported
        reported = shown


@SETTINGS
@given(consistent_snapshots(), OPERATORS)
def test_every_problem_has_a_cure_or_a_reason(
    seen: ClusterSnapshot, operator: TidbOperatorFacts | None
) -> None:
    """Never both, never neither, and each rule and target once."""
    problems = lasting(Observed(seen, operator))
    for found in problems:
        assert (found.action is None) is (found.no_action is not None)
        if found.no_action is not None:
            assert found.no_action.startswith("No action, because ")
        assert found.finding.evidence
    assert len({item.key for item in problems}) == len(problems)
    actions = [item.action for item in problems if item.action is not None]
    assert all(actions.count(item) == 1 for item in actions)


@SETTINGS
@given(consistent_snapshots(minimum_stores=3))
def test_what_is_proposed_would_not_be_refused(seen: ClusterSnapshot) -> None:
    """A proposal that its own action's checks deny would fail the moment it is assessed."""
    for found in lasting(Observed(seen)):
        if found.action is None:
            continue
        kind, params = action_of(found.action)
        asked = {**seen.regions, **{item.id: item for item in seen.sample}}
        checks = kind.preconditions(params, replace(seen, regions=asked))
        assert not [item for item in checks if isinstance(item.verdict, Deny)]
        assert not kind.already_done(params, replace(seen, regions=asked))


@SETTINGS
@given(consistent_snapshots(), consistent_snapshots())
def test_an_unprepared_pd_changes_nothing_that_is_known(
    known: ClusterSnapshot, seen: ClusterSnapshot
) -> None:
    """P15, P48: no conclusion, no forgetting."""
    _, memory = detect(Observed(known), RULES, Memory(), NOW - DAY)
    assert detect(Observed(unprepared(seen)), RULES, memory, NOW) == ((), memory)


@SETTINGS
@given(consistent_snapshots(minimum_stores=2))
def test_while_tidb_operator_is_busy_nothing_is_proposed(seen: ClusterSnapshot) -> None:
    """It evicts and moves leaders itself; it says when it is done."""
    busy = TidbOperatorFacts("TidbCluster", "db", "upgrade")
    assert [item.action for item in lasting(Observed(seen, busy)) if item.action] == []


@SETTINGS
@given(consistent_snapshots(minimum_stores=2))
def test_one_problem_makes_one_name(seen: ClusterSnapshot) -> None:
    """Different problems never share an incident or a name."""
    found = [item for item in lasting(Observed(seen)) if item.action is not None]
    assume(found)
    owner = cluster()
    drafts = [
        propose(
            item, cluster=owner, earlier=(), proposed_by=OPERATOR, cool_down_seconds=60, now=NOW
        )
        for item in found
    ]
    assert len({draft.name for draft in drafts if draft is not None}) == len(found)
    assert len({incident_of(owner, item) for item in found}) == len(found)
