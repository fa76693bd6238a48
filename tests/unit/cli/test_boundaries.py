"""Where one word becomes another: times, limits, names, failures in a row."""

import itertools
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assent.cli import waiting
from assent.cli.console import Console
from assent.cli.decision_command import approve
from assent.cli.door import PATHS
from assent.cli.failures import Exit, KubectlError
from assent.cli.former_rules import former_label_rule, former_placement_rule
from assent.cli.inverses import inverse
from assent.cli.next_step import next_commands, next_step
from assent.cli.proposal import Proposal
from assent.cli.proposals_command import proposals
from assent.cli.queries import PATH, REVIEWS, bare, listing, namespace_of, reading
from assent.cli.waiting import MOST_FAILURES
from assent.cli.wording import clock, count, instant, span, until
from tests.unit.cli.desk import NOW, Desk, Terminal, recorded, seat

NAME = "fill-store-2"

SPANS = [
    (0, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (11_400, "3h10m"),
    (35_999, "9h59m"), (36_000, "10h"), (86_399, "23h"), (172_799, "47h"), (172_800, "2d"),
    (-3600, "60m"), (8_640_000, "100d"),
]  # fmt: skip


@pytest.mark.parametrize(("seconds", "text"), SPANS)
def test_a_length_of_time_is_rounded_down(seconds: int, text: str) -> None:
    """Nobody has more time than it says."""
    assert span(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "-"),
        ("", "-"),
        ("2026-11-21T20:00:00Z", "over"),
        ("2026-11-21T20:00:01Z", "in 1s"),
        ("2026-11-21T19:59:59.999999999Z", "over"),
        ("2026-11-21T21:00:00+01:00", "over"),
        ("2026-11-21T22:30:00+01:00", "in 90m"),
    ],
)
def test_what_is_to_come_is_told_from_what_is_over(text: str | None, said: str) -> None:
    """To the second, in whatever zone it was written."""
    assert until(text, NOW) == said


def test_times_of_a_record_are_utc_and_absent_ones_a_dash() -> None:
    """Whatever the zone of whoever reads them."""
    assert clock("2026-11-21T19:38:18.901Z") == "2026-11-21 19:38:18Z"
    assert clock(None) == "-"
    assert instant("2026-11-21T19:38:18Z") == datetime(2026, 11, 21, 19, 38, 18, tzinfo=UTC)


@pytest.mark.parametrize(("number", "text"), [(0, "0 seats"), (1, "1 seat"), (2, "2 seats")])
def test_one_is_not_several(number: int, text: str) -> None:
    assert count(number, "seat") == text


# -- what is put back -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "wanted"),
    [("1.0", 1), ("1000", 1000), ("0", None), ("1000.5", None), ("1001", None), ("15.5", None),
     ("0.99", None)],
)  # fmt: skip
def test_a_limit_that_no_proposal_may_ask_for_is_not_rounded(
    before: str, wanted: int | None
) -> None:
    """15.5 is not 15: what is filed is what was there, or nothing."""
    asked = {"storeId": 2, "kind": "AddPeer", "ratePerMinute": 400}
    found = inverse(
        {"type": "SetStoreLimit", "setStoreLimit": asked}, {"addPeerLimitPerMinute": before}
    )
    if wanted is None:
        assert isinstance(found, str)
        assert "which no proposal may ask for" in found
    else:
        assert isinstance(found, dict)
        assert found["setStoreLimit"]["ratePerMinute"] == wanted


@pytest.mark.parametrize(
    ("before", "percent"),
    [("1.0", 100), ("0", 0), ("0.35", 35), ("10", 1000), ("10.01", None), ("0.355", None),
     ("-1", None)],
)  # fmt: skip
def test_a_weight_likewise(before: str, percent: int | None) -> None:
    """In whole percents."""
    action = {"type": "SetStoreWeight", "setStoreWeight": {"storeId": 2}}
    found = inverse(action, {"leaderWeight": before, "regionWeight": "1.0"})
    if percent is None:
        assert f"The leaderWeight before was {before}" in str(found)
    else:
        assert isinstance(found, dict)
        assert found["setStoreWeight"]["leaderWeightPercent"] == percent


@pytest.mark.parametrize("left", ["29", "0", "-5", "86401"])
def test_a_pause_of_which_hardly_anything_was_left_is_not_set_again(left: str) -> None:
    """A proposal may ask for half a minute to a day."""
    action = {"type": "ResumeScheduler", "resumeScheduler": {"name": "x"}}
    assert f"had {left} s left" in str(inverse(action, {"pauseLeftSeconds": left}))
    for whole in ("30", "86400"):
        found = inverse(action, {"pauseLeftSeconds": whole})
        assert isinstance(found, dict)
        assert found["pauseScheduler"] == {"name": "x", "seconds": int(whole)}


RULE: dict[str, Any] = {"group_id": "pd", "id": "a", "role": "voter", "count": 3}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"is_witness": True}, "has is_witness, which no proposal can ask for"),
        ({"create_timestamp": 1}, "has create_timestamp, which no proposal can ask for"),
        ({"role": "witness"}, "has the role witness, which no proposal can ask for"),
        ({"role": None}, "has the role None, which no proposal can ask for"),
    ],
)
def test_a_rule_of_which_something_would_be_lost_is_not_put_back(
    more: dict[str, Any], said: str
) -> None:
    """Half of the old rule is another rule."""
    assert said in str(former_placement_rule(json.dumps({**RULE, **more})))


@pytest.mark.parametrize("more", [{"is_witness": False}, {"isolation_level": ""}, {"index": None}])
def test_what_says_nothing_loses_nothing(more: dict[str, Any]) -> None:
    """PD writes them in every rule."""
    wanted = {"groupId": "pd", "id": "a", "role": "Voter", "count": 3}
    assert former_placement_rule(json.dumps({**RULE, **more})) == wanted


@pytest.mark.parametrize(
    "rule", [{"rule_type": "table"}, {"rule_type": "key-range", "data": "all"}, {}]
)
def test_labels_of_something_else_are_not_put_back(rule: dict[str, Any]) -> None:
    assert "is not about key ranges" in str(former_label_rule(json.dumps(rule)))


# -- what is asked ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "passes"),
    [
        (f"{PATH}/namespaces/tikv/actionproposals/x", True),
        (REVIEWS, True),
        (f"{REVIEWS}x", False),
        (f"{REVIEWS}/x", False),
        (PATH, False),
        (f"/x{PATH}/namespaces", False),
        ("/api/v1/namespaces/tikv/secrets", False),
        ("/apis/assent.tikv.org/v1beta1/namespaces", False),
        ("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", False),
    ],
)
def test_the_door_is_for_these_paths(path: str, passes: bool) -> None:
    """As `kubectl proxy` reads --accept-paths: found anywhere, unless it says where."""
    assert (re.search(PATHS, path) is not None) == passes


@pytest.mark.parametrize(
    ("flags", "namespace"),
    [
        ([], ""),
        (["--namespace=a"], "a"),
        (["--namespace=a", "--context=b", "--namespace=c"], "c"),
        (["--namespace="], ""),
        (["--context=--namespace=x"], ""),
    ],
)
def test_the_last_namespace_counts(flags: list[str], namespace: str) -> None:
    """As for kubectl."""
    assert namespace_of(flags) == namespace
    where = f"{PATH}/namespaces/{namespace}/actionproposals"
    wanted = ("get", "--raw", where) if namespace else ("get", listing(flags)[1], "-o", "json")
    assert listing(flags) == wanted


@pytest.mark.parametrize("name", ["a b", "a%2Fb", "a/b", "A", "a?x=1", "a;b", "é", "a\n"])
def test_a_name_that_is_none_never_becomes_part_of_a_path(name: str) -> None:
    """It is given to kubectl as a word: that is refused there, in words."""
    assert reading(["--namespace=tikv"], [name])[:2] != ("get", "--raw")
    assert listing([f"--namespace={name}"])[:2] != ("get", "--raw")


@pytest.mark.parametrize(
    ("typed", "name"),
    [("pod/x", "pod/x"), ("ap/", ""), ("ap/x/y", "ap/x/y"), ("AP/x", "AP/x"), ("x", "x")],
)
def test_only_our_kind_is_taken_off_a_name(typed: str, name: str) -> None:
    """Of anything else kubectl says that there is no such name."""
    assert bare(typed) == name


# -- what comes next --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "said", "line"),
    [
        ({"phase": ""}, "wait: the operator assesses it", ""),
        ({"phase": "Suggested"}, "nothing: the cluster only observes", ""),
        ({"phase": "Executing"}, "wait: PD is called or works on it", ""),
        ({"phase": "RollbackFailed"}, "mend by hand", f"kubectl proposals show {NAME} -n tikv"),
        ({"phase": "Approved", "reason": "Halted"}, "wait: a Halt stands",
         "kubectl proposals unhalt"),
        ({"phase": "Approved", "reason": "Suspended"}, "wait: the cluster is suspended",
         "kubectl proposals resume prod -n tikv"),
        ({"phase": "Approved", "reason": "GateNotInstalled"},
         "repair: the approval policies are missing", ""),
        ({"phase": "Approved", "reason": "Window"}, "wait: the operator begins", ""),
        ({"phase": "Active", "revertAt": "2026-11-21T21:00:00Z"},
         "nothing: takes itself back in 60m", ""),
        ({"phase": "Teleported"}, f"see kubectl proposals show {NAME}", ""),
    ],
    ids=lambda one: "-".join(one.values()) if isinstance(one, dict) else "",
)  # fmt: skip
def test_every_state_says_who_moves_next(status: dict[str, Any], said: str, line: str) -> None:
    """And the line to copy, where a person does."""
    found = Proposal(recorded("pending-high", gates=[], **status))
    assert (next_step(found, NOW), next_commands(found)) == (said, [line] if line else [])


@pytest.mark.parametrize("phase", ["RollbackFailed", "OutcomeUnknown", "Quarantined"])
def test_what_needs_hands_is_in_the_list_without_asking(desk: Desk, phase: str) -> None:
    """It has ended, but nobody may forget it."""
    desk.has(recorded("succeeded", phase=phase))
    done = desk.runs(proposals)
    assert phase in done.out
    assert "ended; --ended shows" not in done.out


def test_a_call_that_came_late_is_marked(desk: Desk) -> None:
    """After the lease's deadline another may have acted: whoever reads the journal must know."""
    found = recorded("succeeded")
    found["status"]["execution"]["steps"][0]["late"] = True
    desk.has(found)
    assert "updated. (after the lease's deadline!)" in desk.runs(proposals, "show", NAME).out


@pytest.mark.parametrize("typed", ["pro", "prod-2", "PROD", ""])
def test_a_cluster_is_named_whole(desk: Desk, typed: str) -> None:
    """Suspending the wrong one leaves the other running."""
    items = [{"metadata": {"name": one, "namespace": "tikv"}, "spec": {}} for one in ("prod", "x")]
    desk.is_told("get", {"items": items})
    desk.is_told("patch", "patched")
    done = desk.runs(proposals, "suspend", typed)
    assert (done.code, desk.calls("patch")) == (Exit.NOT_NOW, [])


# -- failures in a row ------------------------------------------------------------------------


def test_failures_count_in_a_row_only(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An API server that is restarted twice a night is no reason to give up: what was told between
    begins the count anew.
    """
    told, then = recorded("pending-high"), recorded("succeeded")
    lost = KubectlError("Unable to connect to the server")
    turns: Iterator[Any] = itertools.chain(
        [lost] * (MOST_FAILURES - 1), [told], [lost] * (MOST_FAILURES - 1), [then]
    )

    def states(*_: object) -> Any:
        turn = next(turns)
        if isinstance(turn, KubectlError):
            raise turn
        yield Proposal(turn)

    monkeypatch.setattr(waiting, "_states", states)
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    assert desk.runs(approve, NAME, "--wait").code == Exit.OK
    assert len(desk.pauses) == 2 * MOST_FAILURES - 1


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": "0"}, False),
     ({"TERM": "dumb"}, False), ({"TERM": "xterm"}, True), ({"CLICOLOR_FORCE": "1"}, True)],
)  # fmt: skip
def test_colours_are_for_terminals_that_want_them(
    environment: dict[str, str], *, coloured: bool
) -> None:
    """no-color.org: present and not empty, whatever it says."""
    console = Console(Terminal(), Terminal(), Terminal(), environment=environment)
    assert console.is_coloured == coloured
    assert (console.paint("x", "red") != "x") == coloured


def test_an_author_of_any_part_has_no_seat(desk: Desk) -> None:
    """Not only the first of them."""
    desk.has(recorded("pending-high", authors=["sam", "alice", "ann"]))
    done = desk.runs(approve, NAME)
    assert (done.code, desk.calls("patch")) == (Exit.NOT_NOW, [])
    assert "you (alice) had a hand in this ask" in done.err


@pytest.mark.parametrize("dry", [True, False])
def test_a_dry_run_of_the_proposal_is_never_called_a_call(desk: Desk, *, dry: bool) -> None:
    """Approving it sends nothing: first line, what follows, and how it is undone agree."""
    desk.has(recorded("pending-high", effectiveDryRun=dry, approvals={"needed": 1, "missing": 1}))
    desk.is_told("patch", "patched")
    out = desk.runs(approve, NAME).out
    assert ("[dry run]" in out.splitlines()[0]) == dry
    assert ("nothing is sent." in out, "There is nothing to undo." in out) == (dry, dry)
    assert ("sends the call, once" in out) == (not dry)


def test_a_seat_that_does_not_count_has_the_mark_of_a_no(desk: Desk) -> None:
    """✔ is for what counts: somebody who counts ticks must come to the right number."""
    found = recorded("pending-high")
    found["spec"]["approvals"] = [seat("bert"), seat("carl")]
    found["status"]["approvals"]["notCounting"] = [{"by": "carl", "reason": "an old digest"}]
    desk.has(found)
    shown = desk.runs(proposals, "show", NAME).out
    assert "  ✔ bert approved\n" in shown
    assert "  ✘ carl approved; it does not count: an old digest\n" in shown


def test_who_wrote_it_last_is_an_author_whatever_the_record_says(desk: Desk) -> None:
    """status.authors is written a moment later than the ask."""
    found = recorded("pending-high", authors=["sam"])
    found["spec"]["proposedBy"] = "ann"
    assert Proposal(found).authors == ["sam", "ann"]
    assert Proposal(recorded("pending-high", authors=None)).authors == ["sam"]


@pytest.mark.parametrize("line", ["cancel {}", "withdraw {}", "modify {} reason=x", "revert {}"])
def test_one_name_may_be_kubectls_too(desk: Desk, line: str) -> None:
    """As `kubectl get -o name` prints it."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    desk.runs(proposals, *line.format(f"actionproposal.assent.tikv.org/{NAME}").split())
    assert desk.calls("get")[0][5] == NAME


LINE = "kubectl -n tikv patch ap x --type merge -p '{}'"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (f"Needs 1 more approval. To approve: {LINE}", "Needs 1 more approval"),
        (f"Nobody knows. To say what came of it: {LINE}", "Nobody knows"),
        ("Rejected by alice: too risky. To be done on Monday.",
         "Rejected by alice: too risky. To be done on Monday."),
        (f"Changed by ann. To her mind it is better. To approve: {LINE}",
         "Changed by ann. To her mind it is better"),
        (f"TiKVCluster prod is suspended: {LINE}", f"TiKVCluster prod is suspended: {LINE}"),
        (f"Failed. {LINE}", "Failed"),
        ("", ""),
        (None, ""),
    ],
)  # fmt: skip
def test_only_our_own_line_is_left_out_of_a_message(message: str | None, shown: str) -> None:
    """Those who have the plugin need it not; what people said they do."""
    assert Proposal(recorded("pending-high", message=message)).message == shown
