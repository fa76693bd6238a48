"""Words for people: whole lines to copy, never half ones, and nothing a shell could misread."""

import json
import shlex

from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.lifecycle.messages import (
    MAX_MESSAGE,
    approve_command,
    cancel_command,
    clip,
    resolve_command,
    sentence_case,
    with_command,
)
from tests.support.proposals import approval, metadata

META = metadata()
DIGEST = "sha256:" + "a" * 64


def body(line: str) -> dict[str, object]:
    """Return the patch that a shell would hand to kubectl."""
    words = shlex.split(line)
    assert words[:5] == ["kubectl", "-n", "tikv", "patch", "ap"]
    assert words[5] == "p1"
    found: dict[str, object] = json.loads(words[words.index("-p") + 1])["spec"]
    return found


def test_the_first_approval_is_a_plain_line() -> None:
    """As the quickstart shows it."""
    assert approve_command(META, [], digest=DIGEST, tier=Tier.LOW) == (
        "kubectl -n tikv patch ap p1 --field-manager=approver --type merge -p "
        '\'{"spec":{"approvals":[{"by":"<you>","decision":"Approve",'
        f'"digest":"{DIGEST}"}}]}}}}\''
    )


def test_what_others_said_is_repeated() -> None:
    """A merge patch replaces the list, and nobody may take another's word away."""
    other = approval("sre-2", DIGEST).model_copy(update={"comment": "it's fine"})
    seats = body(approve_command(META, [other], digest=DIGEST, tier=Tier.LOW))["approvals"]
    assert seats == [
        {"by": "sre-2", "decision": "Approve", "digest": DIGEST, "comment": "it's fine"},
        {"by": "<you>", "decision": "Approve", "digest": DIGEST},
    ]


def test_a_comment_cannot_leave_its_quotes() -> None:
    """Somebody else's words end up in the reader's shell."""
    nasty = approval("sre-2", DIGEST).model_copy(update={"comment": "'; rm -rf $(pwd) #"})
    line = approve_command(META, [nasty], digest=DIGEST, tier=Tier.LOW)
    assert len(shlex.split(line)) == 11
    seats = body(line)["approvals"]
    assert isinstance(seats, list)
    assert seats[0]["comment"] == "'; rm -rf $(pwd) #"


def test_critical_is_left_to_type() -> None:
    """A confirmation that can be copied confirms nothing."""
    seats = body(approve_command(META, [], digest=DIGEST, tier=Tier.CRITICAL))["approvals"]
    assert isinstance(seats, list)
    assert seats[0]["confirm"] == "<type the target's id>"


def test_a_line_too_long_becomes_an_edit() -> None:
    """Sixteen long comments do not fit; half a patch would be worse than none."""
    long = [
        approval(f"sre-{number}", DIGEST).model_copy(update={"comment": "x" * 900})
        for number in range(4)
    ]
    assert approve_command(META, long, digest=DIGEST, tier=Tier.LOW) == (
        "kubectl -n tikv edit ap p1"
    )


def test_cancel_and_resolve_lines() -> None:
    """Both name the writer; resolve names the digest."""
    assert body(cancel_command(META)) == {"cancel": {"by": "<you>"}}
    assert body(resolve_command(META, digest=DIGEST)) == {
        "resolution": {"by": "<you>", "outcome": "Happened|DidNotHappen", "digest": DIGEST}
    }


def test_a_message_never_holds_half_a_line() -> None:
    """The line goes whole or not at all."""
    assert with_command("Why", "kubectl x") == "Why. kubectl x"
    assert with_command("Why", None) == "Why"
    assert with_command("Why", "k" * MAX_MESSAGE) == "Why"
    assert len(with_command("w" * 3000, None)) == MAX_MESSAGE


def test_clip_marks_what_it_cut() -> None:
    """A text of exactly the limit is whole."""
    assert clip("abc", 3) == "abc"
    assert clip("abcd", 3) == "ab…"


def test_sentence_case_of_nothing_is_nothing() -> None:
    """And of something its first letter only."""
    assert sentence_case("") == ""
    assert sentence_case("pd says") == "Pd says"
