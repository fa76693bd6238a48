"""Same problem, same proposal; and how long a no is a no."""

import re
from datetime import timedelta
from typing import Any

import pytest

from assent.api import meta as names
from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.actions import action
from assent.api.v1alpha1.parameters.store import EvictLeaders
from assent.core.detection.finding import Problem
from assent.core.detection.incident import (
    ProposalDraft,
    fingerprint,
    incident_of,
    label_value,
    of_incident,
    outdated,
    proposal_name,
    propose,
)
from assent.core.model.resource import Proposal
from tests.support.snapshots import NOW
from tests.unit.core.detection.builders import (
    OPERATOR,
    STOP,
    cluster,
    finding,
    problem,
    proposal,
)

COOL_DOWN = 6 * 3600
INCIDENT = incident_of(cluster(), problem())


def labels(round_number: int = 1) -> dict[str, str]:
    return {names.LABEL_INCIDENT: INCIDENT, names.LABEL_ROUND: str(round_number)}


def earlier(phase: Phase | None, *, number: int = 1, **changes: Any) -> Proposal:
    values = {"labels": labels(number), "ended": NOW, "found": finding(), **changes}
    return proposal(f"prod-{number}", phase, **values)


def ask(
    *proposals: Proposal,
    about: Problem | None = None,
    after: timedelta = timedelta(minutes=1),
    dry_run: bool = False,
    foreign_names: frozenset[str] = frozenset(),
) -> ProposalDraft | None:
    return propose(
        about or problem(),
        cluster=cluster(dry_run=dry_run),
        earlier=proposals,
        proposed_by=OPERATOR,
        cool_down_seconds=COOL_DOWN,
        now=NOW + after,
        foreign_names=foreign_names,
    )


def test_a_new_problem_becomes_a_proposal_ready_to_create() -> None:
    """Name, labels and spec; nothing is left for the caller to decide."""
    draft = ask()
    assert draft is not None
    assert draft.namespace == "tikv"
    assert draft.name == f"prod-leftover-eviction-{INCIDENT}-1"
    assert draft.labels == {
        names.LABEL_CLUSTER: "prod",
        names.LABEL_RULE: "LeftoverEviction",
        names.LABEL_TARGET: "store.4",
        names.LABEL_ACTION: "StopEvictLeaders",
        names.LABEL_INCIDENT: INCIDENT,
        names.LABEL_ROUND: "1",
    }
    assert draft.spec.cluster_ref.name == "prod"
    assert draft.spec.proposed_by == OPERATOR
    assert draft.spec.action == STOP
    assert draft.spec.reason == problem().finding.diagnosis
    assert not draft.spec.dry_run


def test_every_process_computes_the_same_name() -> None:
    """The API server refuses the second create: that is what keeps it one."""
    assert ask() == ask()


def test_a_problem_without_a_cure_becomes_nothing() -> None:
    """It is shown on the TiKVCluster instead."""
    assert ask(about=problem(cure=None)) is None


@pytest.mark.parametrize(
    "phase",
    [
        None,
        Phase.SUGGESTED,
        Phase.PENDING,
        Phase.APPROVED,
        Phase.EXECUTING,
        Phase.ROLLING_BACK,
        Phase.OUTCOME_UNKNOWN,
    ],
)
def test_one_that_still_stands_is_enough(phase: Phase | None) -> None:
    """Open, in flight, or created a moment ago: never two, whatever changed and however old."""
    standing = earlier(phase, ended=None)
    assert ask(standing, after=timedelta(days=30)) is None
    assert ask(standing, about=problem("other facts"), after=timedelta(days=30)) is None


def test_one_that_a_person_edited_still_stands() -> None:
    """Its action differs and its author too; it is about the same problem."""
    edited = earlier(Phase.PENDING, cure=action(EvictLeaders(store_id=9)), by="sre-1")
    assert ask(edited) is None


def test_a_person_who_was_faster_is_enough() -> None:
    """The same action filed by hand, without any label of ours."""
    assert ask(proposal("by-hand", Phase.PENDING, by="sre-1")) is None
    assert ask(proposal("by-hand", Phase.SUCCEEDED, by="sre-1")) is not None
    other = proposal("by-hand", Phase.PENDING, cure=action(EvictLeaders(store_id=9)))
    assert ask(other) is not None


SILENCING = [
    (Phase.REJECTED, None),
    (Phase.EXPIRED, None),
    (Phase.CANCELLED, None),
    (Phase.FAILED, None),
    (Phase.ROLLED_BACK, None),
    (Phase.ROLLBACK_FAILED, None),
    (Phase.SUCCEEDED, Reason.DRY_RUN),
]


@pytest.mark.parametrize(("phase", "reason"), SILENCING)
def test_a_no_silences_until_the_cool_down_ends(phase: Phase, reason: Reason | None) -> None:
    """To the second, counted from its end."""
    ended = earlier(phase, reason=reason)
    just_before = timedelta(seconds=COOL_DOWN - 1)
    assert ask(ended, after=just_before, dry_run=True) is None
    draft = ask(ended, after=timedelta(seconds=COOL_DOWN), dry_run=True)
    assert draft is not None
    assert draft.name.endswith("-2")
    assert draft.labels[names.LABEL_ROUND] == "2"


@pytest.mark.parametrize(("phase", "reason"), SILENCING)
def test_other_facts_end_the_silence(phase: Phase, reason: Reason | None) -> None:
    """Material ones: another fingerprint."""
    assert ask(earlier(phase, reason=reason), about=problem("other"), dry_run=True) is not None


def test_without_a_recorded_finding_the_facts_count_as_the_same() -> None:
    """Rejected before it was assessed: nobody knows more, so it stays silent."""
    assert ask(earlier(Phase.REJECTED, found=None)) is None


def test_without_an_end_its_age_counts() -> None:
    """A status of an older version may lack finishedAt."""
    ended = earlier(Phase.REJECTED, ended=None)
    assert ask(ended, after=timedelta(seconds=COOL_DOWN - 1)) is None
    assert ask(ended, after=timedelta(seconds=COOL_DOWN)) is not None


@pytest.mark.parametrize("reason", [Reason.DONE, Reason.ALREADY_DONE, Reason.RESOLVED])
def test_a_success_silences_only_until_it_shows(reason: Reason) -> None:
    """Then the same problem is a new one: somebody evicted the store again."""
    ended = earlier(Phase.SUCCEEDED, reason=reason)
    assert ask(ended, after=timedelta(seconds=14)) is None
    assert ask(ended, after=timedelta(seconds=15)) is not None


def test_a_superseded_one_makes_room_at_once() -> None:
    """It was superseded so that a better one can come."""
    assert ask(earlier(Phase.SUPERSEDED)) is not None


def test_a_rejection_outlives_a_later_superseded_round() -> None:
    """Every round is looked at, not only the last."""
    rounds = (earlier(Phase.REJECTED), earlier(Phase.SUPERSEDED, number=2))
    assert ask(*rounds) is None


def test_a_dry_run_silences_no_longer_than_the_cluster_is_dry() -> None:
    """Whoever turns spec.dryRun off has seen what would be done and now wants it asked."""
    shown = earlier(Phase.SUCCEEDED, reason=Reason.DRY_RUN)
    assert ask(shown, dry_run=True) is None
    assert ask(shown, dry_run=False) is not None


def test_a_dry_run_that_the_proposal_itself_asked_for_silences() -> None:
    """The cluster was not the reason, so its flag changes nothing."""
    shown = earlier(Phase.SUCCEEDED, reason=Reason.DRY_RUN, dry_run=True)
    assert ask(shown, dry_run=False) is None


def test_other_incidents_do_not_silence() -> None:
    """A rejection is about one rule and one target of one cluster."""
    other = earlier(Phase.REJECTED, labels={names.LABEL_INCIDENT: "other"})
    draft = ask(other)
    assert draft is not None
    assert draft.name.endswith("-1")


def test_rounds_go_on_after_the_highest() -> None:
    """Also when one in between was pruned, and a broken label counts as none."""
    rounds = (
        earlier(Phase.SUPERSEDED, number=7),
        earlier(Phase.SUPERSEDED, number=2),
        earlier(Phase.SUPERSEDED, labels={**labels(), names.LABEL_ROUND: "x"}),
    )
    draft = ask(*rounds)
    assert draft is not None
    assert draft.name.endswith("-8")
    assert [item.meta.name for item in of_incident(rounds, INCIDENT)][1:] == ["prod-2", "prod-7"]


def test_an_incident_is_one_rule_on_one_target_of_one_object() -> None:
    """Any other of the three is another incident; evidence and confidence are none."""
    same = incident_of(cluster(), problem("other facts", confidence=1))
    assert same == INCIDENT
    others = {
        incident_of(cluster("other"), problem()),
        incident_of(cluster(), problem(rule="StoreDown")),
        incident_of(cluster(), problem(target="store/5")),
    }
    assert len(others | {INCIDENT}) == 4


def test_fingerprints_do_not_run_together() -> None:
    """Parts are separated: ab + c is not a + bc."""
    assert fingerprint("R", "ab", ["c"]) != fingerprint("R", "a", ["bc"])
    assert fingerprint("R", "t", ["x"]) == fingerprint("R", "t", ("x",))


@pytest.mark.parametrize("name", ["prod", "p" * 253, "Ab.cd_ef", "---", "x." * 100, "9"])
def test_names_are_dns_labels_whatever_the_cluster_is_called(name: str) -> None:
    """At most 63 characters, and the incident never cut."""
    found = proposal_name(name, "LeftoverEviction", "0123456789", 120)
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", found), found
    assert found.endswith("-leftover-eviction-0123456789-120")


def test_long_names_become_label_values_that_differ() -> None:
    """A label holds 63 characters, a name 253."""
    assert label_value("p" * 63) == "p" * 63
    long, longer = label_value("p" * 64), label_value("p" * 65)
    assert len(long) == 63
    assert long != longer


@pytest.mark.parametrize(
    ("item", "expected", "why"),
    [
        (earlier(Phase.PENDING), False, "it still proposes the same"),
        (earlier(Phase.PENDING, cure=action(EvictLeaders(store_id=9))), True, "the cure changed"),
        (
            earlier(Phase.PENDING, cure=action(EvictLeaders(store_id=9)), by="sre-1"),
            False,
            "a person edited it",
        ),
        (
            earlier(Phase.EXECUTING, cure=action(EvictLeaders(store_id=9))),
            False,
            "it runs already",
        ),
    ],
)
def test_only_the_operators_own_open_proposal_is_outdated(
    item: Proposal, expected: bool, why: str
) -> None:
    """The lifecycle supersedes exactly those."""
    assert outdated(problem(), item, operator_username=OPERATOR) is expected, why


def test_a_proposal_is_outdated_when_nothing_should_be_done_any_more() -> None:
    """TiDB Operator began an upgrade: the eviction may be its own now."""
    assert outdated(problem(cure=None), earlier(Phase.PENDING), operator_username=OPERATOR)


def test_a_name_that_somebody_took_does_not_silence_the_problem() -> None:
    """Names are computed, so anybody who may file proposals could file them first and keep
    detection from ever telling of the problem.
    """
    taken = frozenset(proposal_name("prod", "LeftoverEviction", INCIDENT, n) for n in (1, 2))
    draft = ask(foreign_names=taken)
    assert draft is not None
    assert draft.name.endswith(f"-{INCIDENT}-3")
    assert draft.labels[names.LABEL_ROUND] == "3"


def test_rounds_go_on_after_one_that_was_left_out() -> None:
    """The next round counts from the last filed, not from what strangers took."""
    superseded = earlier(Phase.SUPERSEDED, number=3)
    draft = ask(superseded, foreign_names=frozenset({f"prod-leftover-eviction-{INCIDENT}-1"}))
    assert draft is not None
    assert draft.name.endswith("-4")
