"""The approval gate: who may say what on a proposal, and when.

The first sentence that does not hold is the one that people read, so the one that helps most comes
first. A policy has no clock: expiry is judged by the operator.
"""

from assent.api.admission.approval_terms import robot, variables
from assent.api.admission.installation import Installation
from assent.api.admission.policy import AdmissionPolicy, Validation, quoted
from assent.api.v1alpha1.actionproposal import MAX_AUTHORS, ActionProposal, Phase
from assent.api.v1alpha1.lifecycle import FINISHED, OPEN
from assent.api.v1alpha1.tikvcluster import Tier

NAME = "assent-approvals"

TIERS_WITHOUT_ROBOTS = (Tier.HIGH, Tier.CRITICAL)
"""Where people answer: no service account has a seat."""

WITHOUT_A_CALL = (Phase.REJECTED, Phase.EXPIRED, Phase.SUPERSEDED, Phase.CANCELLED)
"""Ends before anything was sent: there is nothing to take back."""


def approvals(installation: Installation) -> AdmissionPolicy:
    """Return the policy ``assent-approvals``."""
    return AdmissionPolicy(
        name=NAME,
        operations=("CREATE", "UPDATE"),
        resources=(ActionProposal.PLURAL,),
        variables=variables(),
        validations=(
            _FROZEN,
            *_DECISIONS,
            *_ASK,
            *_rights(installation),
            *_APPROVE,
            *_SEATS,
            *_GLASS,
            *_LAST_WORDS,
        ),
        audit=(
            (
                "decision",
                "size(variables.changed) > 0 ? variables.me + ' ' + variables.changed[0].decision"
                " + ' ' + object.metadata.namespace + '/' + object.metadata.name : ''",
            ),
            (
                "broken-glass",
                "variables.breaking ? variables.me + ' ' + object.metadata.namespace + '/'"
                " + object.metadata.name + ': ' + variables.changed[0].?breakGlass.orValue('')"
                " : ''",
            ),
        ),
    )


def _listed(phases: list[str]) -> str:
    return "[" + ", ".join(quoted(phase) for phase in phases) + "]"


_COMMANDS = "object.metadata.name + ' -n ' + object.metadata.namespace"

_FROZEN = Validation(
    f"oldObject == null || variables.phase in {_listed(['', *sorted(OPEN)])}"
    " || (!variables.askChanged && variables.old == variables.new)",
    "the ask and its approvals are frozen once execution began",
    "'the ask and its approvals are frozen: this proposal is ' + variables.phase"
    f" + (variables.phase in {_listed(sorted(WITHOUT_A_CALL))} ? '; file a new proposal'"
    f" : '; to stop it: kubectl proposals cancel ' + {_COMMANDS}"
    f" + '; to take back what was done: kubectl proposals revert ' + {_COMMANDS})",
)

_DECISIONS = (
    Validation(
        "variables.changed.all(a, a.by == variables.me)",
        "a decision can only be given in your own name",
        "'a decision can only be given in your own name (' + variables.me + ')'"
        " + (oldObject == null ? '; a new ask starts without any: ' + variables.lines : '')",
    ),
    Validation(
        "variables.askChanged || variables.removed.all(a, a.by == variables.me)",
        "you may only withdraw your own decision",
    ),
    Validation(
        "variables.askChanged || variables.old.all(o, o.decision != 'Reject'"
        " || variables.new.exists(a, a == o))",
        "rejected: a Reject is final; file a new proposal",
    ),
)

_ASK = (
    Validation(
        "!variables.askChanged || variables.old.all(a, a.decision != 'Reject')",
        "rejected: the ask can no longer change; file a new proposal",
    ),
    Validation(
        "!variables.askChanged || variables.new.all(a, !variables.old.exists(o, o.by == a.by))",
        "a changed ask voids earlier approvals: remove them in the same write",
    ),
    Validation(
        "!variables.askChanged || size(variables.new) == 0",
        "a new or changed ask starts without approvals: it must be assessed first",
        "'a new or changed ask starts without approvals: it must be assessed first; '"
        " + variables.lines",
    ),
    Validation(
        "!variables.askChanged || object.spec.proposedBy == variables.me",
        "spec.proposedBy must be you when you write or change the ask",
        "'spec.proposedBy must be you (' + variables.me + ') when you write or change the ask'",
    ),
    Validation(
        "oldObject == null || object.spec.proposedBy == oldObject.spec.proposedBy"
        " || variables.otherChanged",
        "spec.proposedBy changes only together with the ask",
    ),
    # The record of its authors has an end, and nobody on it may ever approve: none is forgotten.
    Validation(
        "!variables.askChanged || variables.me in variables.authors"
        f" || size(variables.authors) < {MAX_AUTHORS}",
        f"{MAX_AUTHORS} people have changed this ask: file a new proposal",
    ),
)


def _rights(installation: Installation) -> tuple[Validation, ...]:
    what = "variables.tier + '-risk ' + object.spec.action.type"
    return (
        Validation(
            "!(variables.approving || variables.rejecting)"
            f" || variables.me != {quoted(installation.username)}",
            "the operator never decides",
            forbidden=True,
        ),
        Validation(
            "variables.mayApprove",
            "you may not approve this",
            f"'user ' + variables.me + ' may not approve ' + {what}",
            forbidden=True,
        ),
        Validation(
            "variables.mayReject",
            "you may not reject this",
            f"'user ' + variables.me + ' may not reject ' + {what}",
            forbidden=True,
        ),
        Validation(
            "variables.mayBreakGlass",
            "you may not break the glass for this",
            f"'user ' + variables.me + ' may not break the glass for ' + {what}"
            " + ': needs the verb break-glass on"
            f" {ActionProposal.PLURAL}/' + variables.tier.lowerAscii()",
            forbidden=True,
        ),
    )


_APPROVE = (
    Validation(
        f"!variables.approving || variables.phase == '{Phase.PENDING.value}'",
        "only a Pending proposal can be approved",
        "'only a Pending proposal can be approved; this one is '"
        " + (variables.phase == '' ? 'not yet assessed' : variables.phase)",
    ),
    Validation(
        "!variables.approving || variables.assessed",
        "the ask has changed and is not assessed yet: look again in a moment",
    ),
    Validation(
        "!variables.approving || (variables.digest != ''"
        " && variables.changed.all(a, has(a.digest) && a.digest == variables.digest))",
        "the digest is not that of the ask as it stands: look again",
    ),
    Validation(
        "!variables.approving || object.spec.proposedBy != variables.me",
        "you proposed this: somebody else must approve it",
    ),
    Validation(
        "!variables.approving || !(variables.me in variables.authors)",
        "you wrote an earlier revision of this ask: somebody else must approve it",
    ),
    Validation(
        f"!variables.approving || variables.tier != '{Tier.CRITICAL.value}'"
        " || (variables.target != ''"
        " && variables.changed.all(a, a.?confirm.orValue('') == variables.target))",
        "Critical: type the target into confirm",
        "'Critical: confirm must be the target, typed: ' + variables.target",
    ),
)

_OTHER_ROBOTS = (
    "variables.old.filter(o, o.by != variables.me && o.decision == 'Approve'"
    f" && {robot('o.by')} && o.?digest.orValue('') == variables.digest)"
)

_SEATS = (
    Validation(
        "!(variables.approving && variables.robot)"
        f" || !(variables.tier in {_listed([tier.value for tier in TIERS_WITHOUT_ROBOTS])})",
        "service accounts have no seat at this tier: people must approve it",
        "'service accounts have no seat for tier ' + variables.tier + ': people must approve it'",
    ),
    # The built-in roles `edit` and `admin` may make tokens of every account of their namespace,
    # and they may file proposals there.
    Validation(
        "!(variables.approving && variables.robotOfHere)",
        "a service account of the proposal's own namespace has no seat: whoever may edit there may"
        " act as it",
    ),
    Validation(
        f"!(variables.approving && variables.robot) || size({_OTHER_ROBOTS}) == 0",
        "all service accounts together have one seat, and it is taken: a person must approve",
    ),
)

_GLASS = (
    Validation(
        "variables.changed.all(a, !has(a.breakGlass) || a.decision == 'Approve')",
        "breakGlass stands beside an Approve only",
    ),
    Validation(
        "!(variables.breaking && variables.robot)",
        "only a person can break the glass",
    ),
    Validation(
        f"!variables.breaking || variables.tier != '{Tier.CRITICAL.value}'",
        "Critical: the glass cannot be broken; everybody who is needed must approve",
    ),
)

_LAST_WORDS = (
    Validation(
        "oldObject == null || !has(oldObject.spec.resolution)"
        " || oldObject.spec.?resolution == object.spec.?resolution",
        "a resolution stays on record: nobody changes or removes it",
    ),
    Validation(
        "variables.mayResolve && (!variables.newResolution"
        f" || (variables.phase == '{Phase.OUTCOME_UNKNOWN.value}'"
        " && object.spec.resolution.by == variables.me))",
        "only somebody with the right to resolve this tier, in their own name, and only while the"
        " outcome is unknown",
    ),
    Validation(
        "!variables.newResolution || (variables.digest != ''"
        " && object.spec.resolution.digest == variables.digest)",
        "the resolution's digest is not that of the ask as it stands: look again",
    ),
    Validation(
        "!has(object.spec.cancel) || (oldObject != null"
        " && oldObject.spec.?cancel == object.spec.?cancel)"
        " || object.spec.cancel.by == variables.me",
        "cancel in your own name",
    ),
    Validation(
        "oldObject == null || !has(oldObject.spec.cancel)"
        " || oldObject.spec.?cancel == object.spec.?cancel",
        "cancelled: that cannot be taken back; file a new proposal",
    ),
    # Nobody looks at it again: it would say for ever that it is about to be looked at (kstatus).
    Validation(
        f"!(variables.phase in {_listed(sorted(FINISHED))})"
        " || oldObject.spec.?cancel == object.spec.?cancel",
        "it has ended: there is nothing to cancel",
        "'it has ended (' + variables.phase + '): there is nothing to cancel'"
        f" + (variables.phase in {_listed(sorted(WITHOUT_A_CALL))} ? ''"
        f" : '; to take back what was done: kubectl proposals revert ' + {_COMMANDS})",
    ),
)
