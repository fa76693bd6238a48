"""The list and the sections of show: read by eye once, kept ever since."""

from typing import Any

import pytest

from assent.cli.listing import sort_key, status_cell
from assent.cli.next_step import after_yes, holder, next_commands, next_step
from assent.cli.proposal import Proposal, changes
from assent.cli.proposals_command import proposals
from tests.unit.cli.desk import NOW, Desk, golden, recorded, seat

HOLD = {
    "name": "NotHalted",
    "verdict": "hold",
    "message": "Halt stop exists: kubectl delete halt stop",
    "until": "2026-11-21T21:00:00.000Z",
}


def named(name: str, document: dict[str, Any]) -> dict[str, Any]:
    document["metadata"]["name"] = name
    return document


def one_of_each() -> list[dict[str, Any]]:
    return [
        named("done", recorded("succeeded")),
        named("failed", recorded("succeeded", phase="Failed", reason="NoEffect")),
        named("lost", recorded("succeeded", phase="OutcomeUnknown", reason="AnswerLost")),
        named("waits", recorded("pending-high")),
        named("dry", recorded("pending-low", effectiveDryRun=True)),
        named("held", recorded("pending-high", phase="Approved", reason="Halted", gates=[HOLD])),
        named("busy", recorded("succeeded", phase="Executing", reason="Calling")),
        named("on", recorded("succeeded", phase="Active", revertAt="2026-11-21T21:30:00.000Z")),
        named("idea", recorded("pending-low", phase="Suggested", reason="ObserveMode")),
        {**named("new", recorded("pending-low")), "status": {}},
    ]


def test_the_list_puts_first_what_needs_a_person(desk: Desk) -> None:
    """And leaves out what has ended."""
    desk.has(*one_of_each())
    done = desk.runs(proposals)
    assert done.code == 0
    golden("list", done.out)


def test_the_list_shows_what_has_ended_when_asked(desk: Desk) -> None:
    """With the reason where the phase alone says little."""
    desk.has(*one_of_each())
    done = desk.runs(proposals, "--ended")
    golden("list-ended", done.out)


def test_the_list_of_all_namespaces_has_a_column_more(desk: Desk) -> None:
    """And asks kubectl for all."""
    desk.has(recorded("pending-low"), recorded("pending-high"))
    done = desk.runs(proposals, "-A")
    assert done.out.startswith("NAMESPACE")
    assert "-A" in desk.calls("get")[0]


PLACES = [
    ((), "shop", 0, "namespace shop"),
    ((), "", 0, "namespace default"),
    ((), "", 1, "this namespace"),
    (("-n", "tikv"), "shop", 0, "namespace tikv"),
]


@pytest.mark.parametrize(
    ("flags", "context", "code", "where"), PLACES,
    ids=["of the context", "of none", "no context", "named"],
)  # fmt: skip
def test_what_is_not_found_says_where_it_was_looked_for(
    desk: Desk, flags: tuple[str, ...], context: str, code: int, where: str
) -> None:
    """The usual reason is the wrong namespace; only kubectl knows that of the context."""
    desk.is_told("get", {"kind": "List", "items": []})
    desk.is_told("config", context, code=code, err="no current context" if code else "")
    assert desk.runs(proposals, *flags).out == f"Nothing waits in {where} (-A looks in all).\n"
    assert f"There is no proposal 'x' in {where}." in desk.runs(proposals, "show", "x", *flags).err


def test_the_line_that_lists_names_the_namespace_too(desk: Desk) -> None:
    """Copied without it, it would list those of the context's namespace."""
    desk.is_told("get", {"kind": "List", "items": [recorded("pending-high")]})
    err = desk.runs(proposals, "show", "another", "-n", "tikv").err
    assert "`kubectl proposals -n tikv` lists those that there are." in err


@pytest.mark.parametrize("form", ["json", "yaml", "name"])
def test_the_list_can_be_had_as_objects(desk: Desk, form: str) -> None:
    """As kubectl prints them."""
    desk.is_told("get", "objects\n")
    assert desk.runs(proposals, "-o", form).out == "objects\n"
    assert desk.calls("get")[0][-2:] == ["-o", form]


def test_a_named_namespace_is_read_by_its_path(desk: Desk) -> None:
    """Kubectl then asks nobody which resource is meant: a third faster."""
    desk.has(recorded("pending-low"), recorded("pending-high"))
    desk.runs(proposals, "-n", "tikv")
    assert desk.calls("get")[0][:3] == [
        "get", "--raw", "/apis/assent.tikv.org/v1alpha1/namespaces/tikv/actionproposals",
    ]  # fmt: skip


def test_show_has_every_section(desk: Desk) -> None:
    """Of one that waits, found by a rule."""
    desk.has(recorded("pending-low"))
    done = desk.runs(proposals, "show", "prod-leftover-eviction-c189330110-1")
    golden("show-low", done.out)


def test_show_has_the_steps_of_what_was_done(desk: Desk) -> None:
    """With times, the values before and after, and who approved."""
    desk.has(recorded("succeeded"))
    done = desk.runs(proposals, "show", "fill-store-2")
    golden("show-succeeded", done.out)


def test_show_has_colours_on_a_terminal_only(desk: Desk) -> None:
    """NO_COLOR and a dumb terminal have none either."""
    desk.has(recorded("pending-low"))
    words = ("show", "prod-leftover-eviction-c189330110-1")
    plain = desk.runs(proposals, *words).out
    coloured = desk.runs(proposals, *words, types="").out
    assert "\x1b[" not in plain
    assert "\x1b[32mLow\x1b[0m" in coloured
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        desk.environment = environment
        assert desk.runs(proposals, *words, types="").out == plain


def test_columns_line_up_under_colours(desk: Desk) -> None:
    """Escape codes have no width."""
    desk.has(*one_of_each())
    plain = desk.runs(proposals).out
    coloured = desk.runs(proposals, types="").out
    stripped = coloured.replace("\x1b[0m", "")
    for code in ("1", "2", "31", "32", "33", "36", "31;1", "33;1"):
        stripped = stripped.replace(f"\x1b[{code}m", "")
    assert stripped == plain


def test_an_approval_that_does_not_count_says_why(desk: Desk) -> None:
    """On the line of its person."""
    count = {
        "needed": 2, "given": 0, "missing": 2, "summary": "0/2",
        "notCounting": [{"by": "bert", "reason": "it is for another revision"}],
    }  # fmt: skip
    found = recorded("pending-high", approvals=count)
    found["spec"]["approvals"] = [seat("bert", comment="fine"), seat("carol", "Reject")]
    desk.has(found)
    out = desk.runs(proposals, "show", "fill-store-2").out
    assert "✘ bert approved: fine; it does not count: it is for another revision" in out
    assert "✘ carol rejected" in out


def test_an_ask_that_changed_shows_the_difference(desk: Desk) -> None:
    """Between what was assessed and what stands."""
    found = recorded("pending-high")
    found["spec"]["action"]["setStoreLimit"]["ratePerMinute"] = 60
    found["spec"]["notAfter"] = "2026-11-22T00:00:00.000Z"
    desk.has(found)
    out = desk.runs(proposals, "show", "fill-store-2").out
    assert "  - action.setStoreLimit.ratePerMinute: 400\n" in out
    assert "  + action.setStoreLimit.ratePerMinute: 60\n" in out
    assert "  + notAfter: 2026-11-22T00:00:00.000Z\n" in out
    assert "wait: the operator assesses it" in out


def test_a_gate_that_holds_says_until_when(desk: Desk) -> None:
    """And why it is not running."""
    desk.has(recorded("pending-high", phase="Approved", reason="Halted", gates=[HOLD]))
    out = desk.runs(proposals, "show", "fill-store-2").out
    assert "hold  NotHalted: Halt stop exists" in out
    assert "(until 2026-11-21 21:00:00Z)" in out
    assert "Also in the way: Halt stop exists" in out
    assert "kubectl proposals unhalt" in out


def test_several_are_shown_one_below_the_other(desk: Desk) -> None:
    """In the order of the names."""
    desk.has(recorded("pending-low"), recorded("pending-high"))
    out = desk.runs(proposals, "show", "fill-store-2", "prod-leftover-eviction-c189330110-1").out
    assert out.index("fill-store-2  Pending") < out.index("─" * 40) < out.index("prod-leftover")


def test_differences_are_found_in_lists_and_in_what_is_missing() -> None:
    """Places count from 0, as in status.changes; a false that was never said is no difference."""
    before = {"action": {"steps": [{"a": 1}, {"a": 2}]}, "dryRun": False}
    after = {"action": {"steps": [{"a": 1}, {"a": 3, "b": 4}]}}
    assert changes(before, after) == [
        ("action.steps[1].a", 2, 3),
        ("action.steps[1].b", None, 4),
    ]
    assert changes({"action": [1]}, {"action": [1, 2]}) == [("action", [1], [1, 2])]


NEXT = [
    ({"phase": "RollbackFailed"}, "mend by hand", "kubectl proposals show fill-store-2 -n tikv"),
    ({"phase": "Rejected"}, "nothing", ""),
    ({"phase": "Approved", "reason": "Suspended"}, "wait: the cluster is suspended",
     "kubectl proposals resume prod -n tikv"),
    ({"phase": "Approved", "reason": "Busy", "gates": [HOLD]}, "wait: Halt stop exists",
     "kubectl proposals unhalt stop"),
    ({"phase": "Approved", "reason": "Busy", "gates": []}, "wait: the operator begins", ""),
    ({"phase": "Pending"}, "approve or reject (2 more approvals)",
     "kubectl approve fill-store-2 -n tikv"),
    ({"phase": "Pending", "approvals": {"missing": 0}}, "wait: the operator begins",
     "kubectl approve fill-store-2 -n tikv"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "words", "line"), NEXT, ids=[str(one[0]) for one in NEXT])
def test_what_comes_next_has_words_and_a_line(
    status: dict[str, Any], words: str, line: str
) -> None:
    """The line has the namespace, so that it works from anywhere."""
    found = Proposal(recorded("pending-high", **status))
    assert next_step(found, NOW) == words
    assert next_commands(found) == ([line] if line else [])


def test_what_follows_a_yes() -> None:
    """More people, a dry run, a hold, or the call."""
    one_left = {"missing": 1}
    assert "1 more approval needed" in after_yes(Proposal(recorded("pending-high")))
    ready = recorded("pending-high", approvals=one_left)
    assert "sends the call, once" in after_yes(Proposal(ready))
    dry = recorded("pending-high", approvals=one_left, effectiveDryRun=True)
    assert "nothing is sent" in after_yes(Proposal(dry))
    held = recorded("pending-high", approvals=one_left, gates=[HOLD])
    assert "waits until this ends: Halt stop exists." in after_yes(Proposal(held))


def test_a_refusal_goes_before_a_hold() -> None:
    """What cannot heal is the better answer."""
    deny = {"name": "StoreKnown", "verdict": "deny", "message": "no store 9"}
    assert holder(Proposal(recorded("pending-high", gates=[HOLD, deny]))) == "no store 9"


def test_the_status_cell_is_short() -> None:
    """One column: the phase, and the reason only where it adds something."""
    cells = {one["metadata"]["name"]: status_cell(Proposal(one)) for one in one_of_each()}
    assert cells == {
        "done": "Succeeded", "failed": "Failed (NoEffect)", "lost": "OutcomeUnknown",
        "waits": "Pending", "dry": "Pending [dry-run]", "held": "Approved (Halted)",
        "busy": "Executing", "on": "Active", "idea": "Suggested", "new": "New",
    }  # fmt: skip


def test_the_order_is_stable() -> None:
    """Oldest first within a phase."""
    old, new = recorded("pending-high"), recorded("pending-high")
    new["metadata"]["creationTimestamp"] = "2027-01-01T00:00:00Z"
    assert sort_key(Proposal(old)) < sort_key(Proposal(new))
