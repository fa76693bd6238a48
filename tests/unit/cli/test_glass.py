"""--break-glass: who may say it, what they must say, what is shown and what is sent."""

from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Approval
from assent.cli import decision_command
from assent.cli.decision_command import approve
from assent.cli.failures import Exit
from assent.cli.proposal import Proposal
from assent.cli.proposals_command import proposals
from assent.cli.seats import stands_in_for
from tests.unit.cli.desk import Desk, recorded, seat

NAME = "fill-store-2"
REASON = "PD is falling over, everybody is asleep"
GLASS = ("--break-glass", REASON)


def high(*seats: dict[str, str], missing: int = 2, **spec: Any) -> dict[str, Any]:
    found = recorded("pending-high")
    found["status"]["approvals"] |= {"missing": missing}
    found["spec"] |= {"approvals": list(seats), **spec}
    return found


def digest() -> str:
    return str(recorded("pending-high")["status"]["digest"])


def test_it_is_shown_loudly_and_the_target_is_typed(desk: Desk) -> None:
    """Nobody breaks it by habit: not by Enter, not by y."""
    desk.has(high())
    desk.is_told("patch", "patched")
    done = desk.runs(approve, NAME, *GLASS, types="store/2\n")
    assert done.code == 0
    assert "\x1b[31;1mBREAKING THE GLASS\x1b[0m" in done.out
    assert f"You (alice) stand in for 1 missing approval: {REASON}" in done.out
    assert "It skips people, never a check" in " ".join(done.out.split())
    assert "Type the target (store/2)" in done.out
    assert "approved by alice; the glass is broken" in done.out


def test_what_follows_is_told_as_it_will_be(desk: Desk) -> None:
    """Nobody else is waited for."""
    desk.has(high())
    desk.is_told("patch", "patched")
    done = desk.runs(approve, NAME, *GLASS, "--confirm", "store/2")
    assert "more approval needed" not in done.out
    assert "sends the call, once" in done.out


def test_the_seat_has_the_reason_and_no_confirmation(desk: Desk) -> None:
    """The typed target is asked for here; the API wants `confirm` for Critical only."""
    desk.has(high())
    desk.is_told("patch", "patched")
    desk.runs(approve, NAME, *GLASS, "--confirm", "store/2", "-m", "called the DBA")
    assert desk.patched()["spec"]["approvals"] == [
        seat("alice", digest=digest(), breakGlass=REASON, comment="called the DBA")
    ]


@pytest.mark.parametrize(
    ("arguments", "types"),
    [((), None), (("-y",), None), ((), "y\n"), ((), "\n"), (("--confirm", "store/3"), "y\n")],
    ids=["nobody to type", "--yes is not enough", "y is not the target", "Enter", "another store"],
)
def test_without_the_target_nothing_is_sent(
    desk: Desk, arguments: tuple[str, ...], types: str | None
) -> None:
    """As for Critical."""
    desk.has(high())
    done = desk.runs(approve, NAME, *GLASS, *arguments, types=types)
    assert (done.code, desk.calls("patch")) == (Exit.DECLINED, [])


def test_who_has_approved_already_can_still_break_it(desk: Desk) -> None:
    """The others did not come: the seat is renewed, with the reason."""
    desk.has(high(seat("alice", digest=digest()), missing=1))
    desk.is_told("patch", "patched")
    done = desk.runs(approve, NAME, *GLASS, "--confirm", "store/2")
    assert done.code == 0
    (mine,) = desk.patched()["spec"]["approvals"]
    assert mine["breakGlass"] == REASON


def robot(document: dict[str, Any]) -> dict[str, Any]:
    document["status"]["risk"]["tier"] = "Medium"
    return document


def critical(document: dict[str, Any]) -> dict[str, Any]:
    document["status"]["risk"]["tier"] = "Critical"
    return document


REFUSED = [
    (critical(high()), "alice", "nobody can stand in for anybody there"),
    (high(missing=1), "alice", "approve it without --break-glass"),
    (high(proposedBy="alice"), "alice", "you (alice) wrote this ask"),
    (high(seat("alice", digest=digest(), breakGlass=REASON), missing=0), "alice", "already"),
    (robot(high()), "system:serviceaccount:ci:bot", "only a person can break the glass"),
]


@pytest.mark.parametrize(("document", "me", "said"), REFUSED, ids=[one[2] for one in REFUSED])
def test_where_it_makes_no_sense_it_is_said_before_anything_is_typed(
    desk: Desk, document: dict[str, Any], me: str, said: str
) -> None:
    """In a sentence that says what does."""
    if document["spec"].get("proposedBy") == "alice":
        document["status"]["assessed"]["proposedBy"] = "alice"
    desk.is_known_as(me)
    desk.has(document)
    done = desk.runs(approve, NAME, *GLASS, "--confirm", "store/2")
    assert (done.code, desk.calls("patch")) == (Exit.NOT_NOW, [])
    assert said in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--all", *GLASS), "name it, alone"),
        (("a", "b", *GLASS), "name it, alone"),
        ((NAME, "--break-glass", "now"), "10 to 512 characters"),
        ((NAME, "--break-glass", "         x"), "10 to 512 characters"),
        ((NAME, "--break-glass", "x" * 513), "10 to 512 characters"),
        (("-f", "x.yaml", "--as-account", "a:b", *GLASS), "--break-glass is not for it"),
    ],
    ids=["all", "several", "a word", "blanks", "a novel", "in a file"],
)
def test_it_is_for_one_proposal_and_a_real_reason(
    desk: Desk, arguments: tuple[str, ...], said: str
) -> None:
    """Before anything is asked of the API server."""
    done = desk.runs(approve, *arguments)
    assert (done.code, desk.calls("get")) == (Exit.USAGE, [])
    assert said in done.err


def test_the_lengths_are_the_models() -> None:
    """A reason that this lets through is not refused later for its length."""
    limits = {
        name: getattr(one, name)
        for one in Approval.model_fields["break_glass"].metadata
        for name in ("min_length", "max_length")
        if hasattr(one, name)
    } or {
        name: getattr(one, name)
        for argument in Approval.model_fields["break_glass"].annotation.__args__  # type: ignore[union-attr]
        for field in getattr(argument, "__metadata__", ())
        for one in field.metadata
        for name in ("min_length", "max_length")
        if hasattr(one, name)
    }
    assert (limits["min_length"], limits["max_length"]) == (
        decision_command.SHORTEST_REASON, decision_command.LONGEST_REASON,
    )  # fmt: skip


def test_the_refusal_names_the_role_that_may(desk: Desk) -> None:
    """In the API server's own words first."""
    desk.has(high())
    desk.is_told("patch", err="… user alice may not break the glass for High-risk …", code=1)
    done = desk.runs(approve, NAME, *GLASS, "--confirm", "store/2")
    assert done.code == Exit.REFUSED
    assert "may not break the glass" in done.err
    assert "assent-glass-breaker" in done.err


@pytest.mark.parametrize(
    ("document", "me", "number"),
    [
        (high(missing=2), "alice", 1),
        (high(missing=1), "alice", 0),
        (high(seat("alice", digest="sha256:old"), missing=2), "alice", 1),
        (high(seat("alice", digest=digest()), missing=1), "alice", 1),
        (high(seat("bert", digest=digest()), missing=1), "alice", 0),
    ],
    ids=["nobody yet", "one is enough", "an old yes of mine", "my yes counts", "bert was there"],
)
def test_it_stands_in_for_those_who_are_missing_beside_me(
    document: dict[str, Any], me: str, number: int
) -> None:
    """The number that the operator will record."""
    assert stands_in_for(Proposal(document), me) == number


def test_a_broken_glass_stays_visible(desk: Desk) -> None:
    """In the list and in show, for whoever looks later."""
    found = high(seat("gwen", digest=digest(), breakGlass=REASON), missing=0)
    found["status"]["approvals"] |= {
        "summary": "1/2 glass",
        "breakGlass": {"by": "gwen", "reason": REASON, "standsInFor": 1},
    }
    desk.has(found)
    assert "1/2 glass" in desk.runs(proposals).out
    desk.is_known_as("alice")
    shown = desk.runs(proposals, "show", NAME).out
    assert f"✔ gwen approved, breaking the glass: {REASON}" in shown
    assert "gwen stands in for 1 missing approval" in shown
