"""The checker finds what is planted, and nothing in a history without fault."""

from dataclasses import replace

import pytest

from tests.chaos.checker import Report, check
from tests.chaos.histories import (
    ALICE,
    DIGEST,
    LIMIT,
    SPLIT,
    T0,
    TRANSFER,
    history,
    life,
    limit,
    operator_call,
    sent,
)
from tests.chaos.history import History, Said, Split, Struck

FLOWN = ("Executing", "Succeeded")
TWO_STORES = {"type": "Plan", "plan": {"steps": [LIMIT, limit(3, 50)]}}
STORE_3 = {"path": "/pd/api/v1/store/3/limit", "body": '{"rate":50.0,"type":"add-peer"}'}

BACK = '{"rate":15,"type":"add-peer"}'


def found(report: Report) -> set[str]:
    """The kinds of findings."""
    kinds = ("doubles", "lost", "stuck", "unapproved", "wrongly_unknown")
    return {kind for kind in kinds if getattr(report, kind)}


def test_a_life_without_fault_is_clean() -> None:
    """One approval, one effect."""
    report = check(history(life(*FLOWN), calls=(sent(),)))
    assert report.clean
    assert (report.proposals, report.approvals, report.effects) == (1, 1, 1)
    assert report.ends == {"Succeeded": 1}


PLANTED = {
    "a TransferLeader that PD took twice": (
        history(
            life(*FLOWN, action=TRANSFER),
            calls=(operator_call("transfer-leader"), operator_call("transfer-leader", T0 + 3.6)),
        ),
        {"doubles"},
    ),
    "a second TransferLeader long after its end": (
        history(
            life(*FLOWN, action=TRANSFER),
            calls=(operator_call("transfer-leader"), operator_call("transfer-leader", T0 + 40)),
        ),
        {"doubles"},
    ),
    "a TransferLeader sent again after an answer that proves nothing": (
        history(
            life(*FLOWN, action=TRANSFER),
            calls=(
                operator_call("transfer-leader", pd_status=500),
                operator_call("transfer-leader", T0 + 3.6),
            ),
        ),
        {"doubles"},
    ),
    "a repeat that overwrites what somebody set in between": (
        history(
            life(*FLOWN),
            life(*FLOWN, name="p2", action=limit(2, 60), start=T0 + 10),
            calls=(
                sent(),
                sent(T0 + 13.2, body='{"rate":60,"type":"add-peer"}'),
                sent(T0 + 20),
            ),
        ),
        {"doubles"},
    ),
    "a repeat that overwrites what somebody set by hand": (
        history(
            life(*FLOWN),
            calls=(sent(), sent(T0 + 20)),
            struck=(Struck(T0 + 9, T0 + 9.1, "meddle", "limit/2/add-peer 200"),),
        ),
        {"doubles"},
    ),
    "an undo of what somebody set by hand": (
        history(
            life("Executing", "Active", "RollingBack", "Succeeded"),
            calls=(sent(), sent(T0 + 25, body=BACK)),
            struck=(Struck(T0 + 9, T0 + 9.1, "meddle", "limit/2/add-peer 200"),),
        ),
        {"unapproved"},
    ),
    "a region that was split twice though PD was asked once": (
        history(
            life(*FLOWN, action=SPLIT),
            calls=(operator_call("split-region"),),
            splits=(Split(T0 + 4, 9), Split(T0 + 9, 9)),
        ),
        {"doubles"},
    ),
    "an approved proposal that nobody ever began": (history(life("Approved")), {"lost"}),
    "an approval that nobody noticed": (history(life()), {"lost"}),
    "a Done that PD knows nothing of": (
        history(life(*FLOWN, steps=(("Forward", 0, "Done", "pod-1"),))),
        {"lost"},
    ),
    "one in flight for good": (history(life("Executing"), calls=(sent(),)), {"stuck"}),
    "one that is never taken back": (
        history(life("Executing", "Active"), calls=(sent(),)),
        {"stuck"},
    ),
    "a call that nobody asked for": (
        history(life(*FLOWN), calls=(sent(), sent(body='{"rate":99,"type":"add-peer"}'))),
        {"unapproved"},
    ),
    "a call of a kind that nobody knows": (
        history(calls=(sent(method="DELETE", path="/pd/api/v1/store/4", body=""),)),
        {"unapproved"},
    ),
    "a call of a rejected proposal": (
        history(life("Rejected", approvals=()), calls=(sent(),)),
        {"unapproved"},
    ),
    "a call before the approval": (history(life(*FLOWN), calls=(sent(T0 + 0.5),)), {"unapproved"}),
    "an approval of another digest": (
        history(
            tuple(
                replace(item, approvals=(("alice", "Approve", "sha256:old"),))
                for item in life(*FLOWN)
            ),
            calls=(sent(),),
        ),
        {"unapproved"},
    ),
    "the author's own approval": (
        history(tuple(replace(item, author="alice") for item in life(*FLOWN)), calls=(sent(),)),
        {"unapproved"},
    ),
    "one approval where High needs two": (
        history(tuple(replace(item, tier="High") for item in life(*FLOWN)), calls=(sent(),)),
        {"unapproved"},
    ),
    "a claim after the approval was withdrawn": (
        history(
            tuple(
                replace(item, approvals=()) if number > 2 else item
                for number, item in enumerate(life("Pending", *FLOWN))
            ),
            calls=(sent(),),
        ),
        {"unapproved"},
    ),
    "a claim after a cancel": (
        history(
            tuple(
                replace(item, cancelled=number > 2)
                for number, item in enumerate(life("Pending", *FLOWN))
            ),
            calls=(sent(T0 + 4.2),),
        ),
        {"unapproved"},
    ),
    "a call long after notAfter": (
        history(tuple(replace(item, not_after=T0 - 20) for item in life(*FLOWN)), calls=(sent(),)),
        {"unapproved"},
    ),
    "a call under a suspend": (
        history(life(*FLOWN), calls=(sent(),), said=(Said(T0 - 1, "a suspend", on=True),)),
        {"unapproved"},
    ),
    "an outcome that is unknown for no reason": (
        history(life("Executing", "OutcomeUnknown"), calls=(sent(),)),
        {"wrongly_unknown"},
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_found(name: str) -> None:
    """Each alone, and under its own name."""
    given, expected = PLANTED[name]
    report = check(given)
    assert found(report) == expected
    assert not report.clean


HARMLESS = {
    "an absolute call that PD got twice": history(life(*FLOWN), calls=(sent(), sent(T0 + 9))),
    "a call that never reached PD, then its repeat": history(
        life(*FLOWN), calls=(sent(fault="cut_before_send", pd_status=0), sent(T0 + 3.9))
    ),
    "a request that PD found wrong": history(
        life("Executing", "Failed"), calls=(sent(pd_status=400),)
    ),
    "an undo": history(
        life("Executing", "Active", "RollingBack", "Succeeded"),
        calls=(sent(), sent(T0 + 5.1, body='{"rate":15,"type":"add-peer"}')),
    ),
    "an undo as somebody sets it by hand, or something else by hand": history(
        life("Executing", "Active", "RollingBack", "Succeeded"),
        calls=(sent(), sent(T0 + 12, body=BACK)),
        struck=(
            Struck(T0 + 11.8, T0 + 11.9, "meddle", "limit/2/add-peer 200"),
            Struck(T0 + 1.5, T0 + 1.6, "meddle", "limit/3/add-peer 200"),
        ),
    ),
    "an undo that restores what another proposal had set": history(
        life(*FLOWN),
        life(
            "Executing", "RollingBack", "RolledBack", name="p2", action=limit(2, 60), start=T0 + 20
        ),
        calls=(sent(), sent(T0 + 23.1, body='{"rate":60,"type":"add-peer"}'), sent(T0 + 24.1)),
    ),
    "two undos of the same thing by two proposals": history(
        life("Executing", "RollingBack", "RolledBack", name="z"),
        life(
            "Executing", "RollingBack", "RolledBack", name="b", action=limit(2, 60), start=T0 + 20
        ),
        calls=(
            sent(),
            sent(T0 + 4.1, body='{"rate":15,"type":"add-peer"}'),
            sent(T0 + 23.1, body='{"rate":60,"type":"add-peer"}'),
            sent(T0 + 24.1, body='{"rate":15.0,"type":"add-peer"}'),
        ),
    ),
    "a plan of two steps": history(
        life(*FLOWN, action=TWO_STORES),
        calls=(sent(), sent(T0 + 3.9, **STORE_3)),  # type: ignore[arg-type]
    ),
    "deleted after it was approved": history(
        (*life(), replace(life()[-1], uid="uid-p1", deleted=True, at=T0 + 5))
    ),
    "never approved": history(life()[:2]),
    "a cancel that came after a claim that nobody saw": history(
        tuple(replace(item, cancelled=item.phase in FLOWN) for item in life(*FLOWN)),
        calls=(sent(),),
    ),
    "a suspend that came as the call left": history(
        life(*FLOWN), calls=(sent(),), said=(Said(T0 + 3.0, "a suspend", on=True),)
    ),
    "a suspend that was lifted": history(
        life(*FLOWN),
        calls=(sent(),),
        said=(Said(T0 - 1, "a suspend", on=True), Said(T0 + 3, "a suspend", on=False)),
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_right_is_not_accused(name: str) -> None:
    """A checker that cries wolf is of no use."""
    report = check(HARMLESS[name])
    assert found(report) == set()


def test_a_harmless_repeat_is_counted() -> None:
    """One effect, and one repeat beside it."""
    report = check(HARMLESS["an absolute call that PD got twice"])
    assert (report.effects, report.repeats) == (1, 1)


@pytest.mark.parametrize("body", ["", '{"rate":44,"ty'], ids=["no body", "half a body"])
def test_what_its_sender_did_not_finish_is_no_effect(body: str) -> None:
    """Killed between the head and the end of the body: PD never had a whole request."""
    broken = sent(body=body, pd_status=0)
    report = check(history(life(*FLOWN), calls=(broken, sent(T0 + 3.5))))
    assert found(report) == set()
    assert (report.effects, report.repeats) == (1, 0)


def test_what_pd_had_whole_counts_also_without_an_answer() -> None:
    """It may have done it."""
    report = check(history(life(*FLOWN), calls=(sent(pd_status=0), sent(T0 + 3.5))))
    assert (report.effects, report.repeats) == (1, 1)


def test_two_witnesses_of_one_version_are_one() -> None:
    """The audit log and the watch both show it; the earlier time counts."""
    once = life(*FLOWN)
    again = tuple(replace(item, at=item.at + 30) for item in once)
    report = check(history(once, again, calls=(sent(),)))
    assert report.clean
    assert report.approvals == 1


def test_an_edit_is_approved_anew() -> None:
    """Two digests were approved, one was carried out: what the first asked for must not happen."""
    first = life()
    changed = replace(first[-1], action=limit(2, 60), assessed=False, approvals=(), at=T0 + 4)
    anew = replace(changed, digest="sha256:b", assessed=True, at=T0 + 5)
    seat = ("bert", "Approve", "sha256:b")
    flown = [replace(anew, approvals=(seat,), phase=phase, at=T0 + 6) for phase in FLOWN]
    versions = [
        replace(item, version=10_000 + number)
        for number, item in enumerate((*first, changed, anew, *flown))
    ]
    right = sent(T0 + 6, body='{"rate":60,"type":"add-peer"}')
    report = check(history(tuple(versions), calls=(right,)))
    assert report.clean
    unapproved = [replace(item, approvals=(ALICE,)) for item in versions]
    assert found(check(history(tuple(unapproved), calls=(right,)))) == {"unapproved"}


def test_faults_and_the_time_to_finish_are_told() -> None:
    """Only faults that were done count; the last proposal ended 10 s after the last fault."""
    given = history(
        life(*FLOWN, start=T0 + 66),
        calls=(sent(T0 + 69.2),),
        struck=(
            Struck(T0, T0 + 1, "kill_pd", "pd-0"),
            Struck(T0, T0 + 1, "kill_pd", "not done: no leader", done=False),
        ),
    )
    report = check(given)
    assert report.faults_by_kind == {"kill_pd": 1, "pd read delay_before": 3}
    assert report.worst_seconds_to_finish == 10.0


def test_an_empty_history_is_clean() -> None:
    """Nothing happened, nothing is wrong."""
    assert check(History(1, T0, T0 + 1, T0 + 2)).clean


def test_the_digest_of_the_histories_is_the_one_that_is_approved() -> None:
    """Otherwise every history above would prove nothing."""
    assert life()[-1].digest == DIGEST == ALICE[2]
