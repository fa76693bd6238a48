"""Saying yes or no, in every way that is not one's own to say."""

from dataclasses import replace

from tests.matrix.operation import Operation, on_proposal
from tests.matrix.stage import BOT, DIGEST, EVICT, TARGET, TRANSFER, Scene, no, yes
from tests.matrix.writes import PATCHES

ME = "{me}"
MINE = [yes(ME)]
CRITICAL = [yes(ME, confirm=TARGET)]
ANN = "ann"
ANNS = yes(ANN)

LOW = Scene()
MEDIUM = Scene(tier="Medium")
HIGH = Scene(tier="High")
TOP = Scene(tier="Critical")
ANN_SAID_YES = replace(LOW, seats=(ANNS,))
ANN_SAID_NO = replace(LOW, seats=(no(ANN),))
I_SAID_YES = replace(LOW, seats=(yes(ME),))
I_SAID_NO = replace(LOW, seats=(no(ME),))
ASSESSED = {
    "proposedBy": "author",
    "reason": "as asked first",
    "action": TRANSFER,
    "dryRun": False,
}
"""What the operator writes of the ask that a scene begins with."""
OTHER_TRANSFER = {"type": "TransferLeader", "transferLeader": {"regionId": 4, "toStoreId": 9}}
MY_OWN = replace(LOW, author=ME)


def tried(name: str, says: str, scene: Scene, *entries: dict[str, str]) -> Operation:
    """Return an operation that makes the list of decisions this one."""
    return on_proposal(name, says, scene, approvals=list(entries) or None)


APPROVING = (
    tried("approve-low", "approves a Low proposal", LOW, *MINE),
    tried("approve-medium", "approves a Medium TransferLeader", MEDIUM, *MINE),
    tried(
        "approve-medium-other-type",
        "approves a Medium EvictLeaders",
        replace(MEDIUM, spec={"action": EVICT}),
        *MINE,
    ),
    tried("approve-high", "approves a High proposal", HIGH, *MINE),
    tried("approve-critical", "approves a Critical proposal, the target typed", TOP, *CRITICAL),
    tried(
        "second-seat",
        "adds a second seat to a High proposal",
        replace(HIGH, seats=(ANNS,)),
        ANNS,
        yes(ME),
    ),
    tried(
        "second-robot",
        "adds a seat beside a service account's",
        replace(LOW, seats=(yes(str(BOT.user)),)),
        yes(str(BOT.user)),
        yes(ME),
    ),
    tried(
        "robot-beside-old",
        "adds a seat beside a service account's for the revision before",
        replace(LOW, seats=(yes(str(BOT.user)),), status={"digest": "sha256:0c", "revision": 3}),
        yes(str(BOT.user)),
        yes(ME, "sha256:0c"),
    ),
    tried(
        "robot-beside-no",
        "approves beside a service account's no",
        replace(LOW, seats=(no(str(BOT.user), digest=DIGEST),)),
        no(str(BOT.user), digest=DIGEST),
        yes(ME),
    ),
    tried("reject-low", "rejects a Low proposal", LOW, no(ME)),
    tried("reject-medium", "rejects a Medium TransferLeader", MEDIUM, no(ME)),
    tried("reject-high", "rejects a High proposal", HIGH, no(ME)),
    tried("reject-critical", "rejects a Critical proposal", TOP, no(ME)),
    tried("reject-unassessed", "rejects what nobody has assessed", Scene(phase=""), no(ME)),
    tried("reject-beside-yes", "rejects beside a colleague's yes", ANN_SAID_YES, ANNS, no(ME)),
    tried(
        "reject-changed",
        "rejects an ask that was changed and is not assessed again",
        replace(LOW, then={"reason": "changed since"}),
        no(ME),
    ),
    tried(
        "withdraw", "withdraws their own approval", replace(I_SAID_YES, seats=(ANNS, yes(ME))), ANNS
    ),
    tried(
        "withdraw-approved",
        "withdraws their own approval when there are enough",
        replace(I_SAID_YES, seats=(ANNS, yes(ME)), phase="Approved"),
        ANNS,
    ),
    tried("reword", "rewords their own approval", I_SAID_YES, yes(ME, comment="with care")),
)

IN_ANOTHERS_NAME = (
    tried("approve-as-another", "approves in a colleague's name", LOW, ANNS),
    tried("reject-as-another", "rejects in a colleague's name", LOW, no(ANN)),
    tried("approve-beside-another", "approves, and adds a colleague's seat", LOW, yes(ME), ANNS),
    tried("drop-anothers", "drops a colleague's approval", ANN_SAID_YES),
    tried(
        "replace-anothers", "puts their own approval in a colleague's place", ANN_SAID_YES, *MINE
    ),
    tried(
        "reword-anothers",
        "changes what a colleague said",
        ANN_SAID_YES,
        yes(ANN, comment="I love it"),
    ),
    tried("turn-anothers-no", "turns a colleague's no into a yes", ANN_SAID_NO, ANNS),
    tried("turn-anothers-yes", "turns a colleague's yes into a no", ANN_SAID_YES, no(ANN)),
    tried("erase-a-no", "erases a colleague's no", ANN_SAID_NO),
    on_proposal(
        "erase-a-no-by-an-edit",
        "edits the ask to be rid of a no",
        ANN_SAID_NO,
        reason="please",
        proposedBy=ME,
        approvals=None,
    ),
    on_proposal(
        "edit-around-a-no",
        "edits the ask and leaves the no",
        ANN_SAID_NO,
        reason="please",
        proposedBy=ME,
    ),
    tried("duplicate-key", "takes two seats", LOW, yes(ME), yes(ME, comment="again")),
    tried("yes-and-no", "says yes and no at once", LOW, yes(ME), no(ME)),
    tried("erase-own-no", "takes their own no back", I_SAID_NO),
    tried("turn-own-no", "turns their own no into a yes", I_SAID_NO, *MINE),
)

OF_WHAT_WAS_SEEN = (
    tried("approve-own", "approves their own Low proposal", MY_OWN, *MINE),
    tried(
        "approve-own-unlisted",
        "approves their own that lists another author",
        replace(MY_OWN, status={"authors": ["sam"]}),
        *MINE,
    ),
    tried(
        "approve-own-medium", "approves their own Medium one", replace(MY_OWN, tier="Medium"), *MINE
    ),
    tried("approve-own-high", "approves their own High one", replace(MY_OWN, tier="High"), *MINE),
    tried(
        "approve-own-critical",
        "approves their own Critical one",
        replace(MY_OWN, tier="Critical"),
        *CRITICAL,
    ),
    tried(
        "approve-once-own",
        "approves what they had a part in writing",
        replace(LOW, authors=(ME,)),
        *MINE,
    ),
    tried("wrong-digest", "approves another digest (Low)", LOW, yes(ME, "sha256:0b")),
    tried("wrong-digest-high", "approves another digest (High)", HIGH, yes(ME, "sha256:0b")),
    tried("no-digest", "approves no digest at all", LOW, yes(ME, None)),
    tried(
        "digest-of-nothing",
        "approves what has no digest just now by the word none",
        replace(LOW, status={"digest": None}),
        yes(ME, "none"),
    ),
    tried(
        "no-digest-of-nothing",
        "approves what has no digest just now by an empty one",
        replace(LOW, status={"digest": None}),
        yes(ME, ""),
    ),
    tried(
        "old-digest",
        "approves the revision before",
        replace(LOW, status={"digest": "sha256:0c", "revision": 3}),
        *MINE,
    ),
    tried(
        "approve-changed",
        "approves an ask that was changed and is not assessed again",
        replace(LOW, then={"reason": "changed since"}),
        *MINE,
    ),
    *(
        tried(
            f"approve-changed-{word}",
            f"approves an ask that was assessed with another {what}",
            replace(LOW, status={"assessed": {**ASSESSED, **otherwise}}),
            *MINE,
        )
        for word, what, otherwise in (
            ("author", "author", {"proposedBy": "sam"}),
            ("action", "action", {"action": EVICT}),
            ("target", "parameter", {"action": OTHER_TRANSFER}),
            ("dry-run", "dry-run", {"dryRun": True}),
            ("start", "start", {"notBefore": "2031-01-01T00:00:00.000Z"}),
            ("expiry", "expiry", {"notAfter": "2031-01-01T00:00:00.000Z"}),
            ("revert", "time to be reverted", {"revertAfter": "1h"}),
        )
    ),
    tried("approve-unassessed", "approves what nobody has assessed", Scene(phase=""), *MINE),
    tried("approve-suggested", "approves a suggestion", replace(LOW, phase="Suggested"), *MINE),
    tried(
        "approve-approved",
        "approves when there are enough",
        replace(ANN_SAID_YES, phase="Approved"),
        ANNS,
        yes(ME),
    ),
    tried("approve-expired", "approves what has expired", replace(LOW, phase="Expired"), *MINE),
    tried(
        "approve-rejected",
        "approves what was rejected",
        replace(ANN_SAID_NO, phase="Rejected"),
        no(ANN),
        yes(ME),
    ),
    tried(
        "approve-executing",
        "approves while it is executed",
        replace(ANN_SAID_YES, phase="Executing"),
        ANNS,
        yes(ME),
    ),
    tried(
        "reject-executing",
        "rejects while it is executed",
        replace(ANN_SAID_YES, phase="Executing"),
        ANNS,
        no(ME),
    ),
    tried(
        "withdraw-executing",
        "withdraws their own approval while it is executed",
        replace(I_SAID_YES, seats=(ANNS, yes(ME)), phase="Executing"),
        ANNS,
    ),
    tried("confirm-nothing", "approves Critical without the target typed", TOP, *MINE),
    tried(
        "confirm-no-target",
        "approves Critical without a target by typing nothing",
        replace(TOP, status={"target": None}),
        yes(ME, confirm=""),
    ),
    tried(
        "confirm-wrongly",
        "approves Critical with another target typed",
        TOP,
        yes(ME, confirm="region/5"),
    ),
)

WHY = "no colleague can be reached"
GLASS = [yes(ME, breakGlass=WHY)]
CURT = yes(ME, breakGlass="x")

BREAKING_GLASS = (
    tried("break-glass-low", "breaks the glass for Low", LOW, *GLASS),
    tried("break-glass-medium", "breaks the glass for Medium", MEDIUM, *GLASS),
    tried("break-glass", "breaks the glass for High", HIGH, *GLASS),
    tried(
        "break-glass-critical",
        "breaks the glass for Critical",
        TOP,
        yes(ME, confirm=TARGET, breakGlass=WHY),
    ),
    tried(
        "break-glass-later",
        "adds a broken glass to their own approval",
        replace(HIGH, seats=(yes(ME),)),
        *GLASS,
    ),
    tried("break-glass-own", "breaks the glass for their own", replace(HIGH, author=ME), *GLASS),
    tried(
        "break-glass-once-own",
        "breaks the glass for what they had a part in writing",
        replace(HIGH, authors=(ME,)),
        *GLASS,
    ),
    tried(
        "break-glass-as-another",
        "breaks the glass in a colleague's name",
        HIGH,
        yes(ANN, breakGlass=WHY),
    ),
    tried(
        "break-anothers-glass",
        "adds a broken glass to a colleague's approval",
        replace(HIGH, seats=(ANNS,)),
        yes(ANN, breakGlass=WHY),
    ),
    tried("break-glass-with-a-no", "breaks the glass beside a no", LOW, no(ME, breakGlass=WHY)),
    tried(
        "break-glass-curtly", "breaks the glass without saying why", HIGH, yes(ME, breakGlass="x")
    ),
    tried(
        "break-glass-wrong-digest",
        "breaks the glass for another digest",
        HIGH,
        yes(ME, "sha256:0b", breakGlass=WHY),
    ),
    tried(
        "break-glass-executing",
        "breaks the glass while it is executed",
        replace(HIGH, seats=(ANNS,), phase="Executing"),
        ANNS,
        yes(ME, breakGlass=WHY),
    ),
)


def _virtual() -> Operation:
    """Return an approval on the subresource that RBAC speaks of, which is no real one."""
    approve = on_proposal(
        "approve-by-the-tier", "approves through actionproposals/low", LOW, approvals=MINE
    )
    return replace(approve, kinds=PATCHES, subresource="low")


OPERATIONS = (
    *APPROVING,
    *IN_ANOTHERS_NAME,
    *OF_WHAT_WAS_SEEN,
    *BREAKING_GLASS,
    _virtual(),
)
