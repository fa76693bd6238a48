"""The approval gate: who may say what on a proposal, and when.

- One SubjectAccessReview a variable: three in one expression exceed CEL's cost limit.
- The review asks for the verb on ``actionproposals/<tier>`` with the action type as name, so that
  RBAC's resourceNames limits an approver to types.
- Both tier and digest are the stored ones, written by the operator; what is not assessed yet
  counts as Critical.
- A policy has no clock: expiry is judged by the operator.
"""

from assent.api.admission.ask import changed, same
from assent.api.admission.installation import Installation
from assent.api.admission.policy import AdmissionPolicy, Validation, Variable, quoted
from assent.api.meta import GROUP
from assent.api.v1alpha1.actionproposal import ActionProposal, Phase
from assent.api.v1alpha1.lifecycle import OPEN

NAME = "assent-approvals"


def approvals(installation: Installation) -> AdmissionPolicy:
    """Return the policy ``assent-approvals``."""
    return AdmissionPolicy(
        name=NAME,
        operations=("CREATE", "UPDATE"),
        resources=(ActionProposal.PLURAL,),
        variables=_variables(),
        validations=(*_DECISIONS, *_ASK, *_rights(installation), *_APPROVE, *_LAST_WORDS),
        audit=(
            (
                "decision",
                "size(variables.changed) > 0 ? variables.me + ' ' + variables.changed[0].decision"
                " + ' ' + object.metadata.namespace + '/' + object.metadata.name : ''",
            ),
        ),
    )


def _allowed(verb: str) -> str:
    return (
        f"authorizer.group('{GROUP}').resource('{ActionProposal.PLURAL}')"
        ".subresource(variables.tier.lowerAscii()).namespace(object.metadata.namespace)"
        f".name(object.spec.action.type).check('{verb}').allowed()"
    )


def _variables() -> tuple[Variable, ...]:
    old, new = "oldObject.spec", "object.spec"
    return (
        Variable("me", "request.userInfo.username"),
        Variable("old", "oldObject != null ? oldObject.spec.?approvals.orValue([]) : []"),
        Variable("new", "object.spec.?approvals.orValue([])"),
        Variable("changed", "variables.new.filter(a, !variables.old.exists(o, o == a))"),
        Variable("removed", "variables.old.filter(o, !variables.new.exists(a, a.by == o.by))"),
        Variable("approving", "variables.changed.exists(a, a.decision == 'Approve')"),
        Variable("rejecting", "variables.changed.exists(a, a.decision == 'Reject')"),
        Variable("phase", "oldObject != null ? oldObject.?status.?phase.orValue('') : ''"),
        Variable(
            "tier",
            "oldObject != null ? oldObject.?status.?risk.?tier.orValue('Critical') : 'Critical'",
        ),
        Variable("target", "oldObject != null ? oldObject.?status.?target.?id.orValue('') : ''"),
        Variable("otherChanged", f"oldObject == null || {changed(old, new, without_author=True)}"),
        Variable("askChanged", f"oldObject == null || {changed(old, new)}"),
        Variable(
            "assessed",
            "oldObject != null && oldObject.?status.?assessed.hasValue() && "
            + same("oldObject.status.assessed", new),
        ),
        Variable("mayApprove", f"!variables.approving || {_allowed('approve')}"),
        Variable("mayReject", f"!variables.rejecting || {_allowed('reject')}"),
        Variable(
            "newResolution",
            "has(object.spec.resolution) &&"
            " (oldObject == null || oldObject.spec.?resolution != object.spec.?resolution)",
        ),
        Variable("mayResolve", f"!variables.newResolution || {_allowed('resolve')}"),
    )


_DECISIONS = (
    Validation(
        "variables.changed.all(a, a.by == variables.me)",
        "a decision can only be given in your own name",
        "'a decision can only be given in your own name (' + variables.me + ')'",
    ),
    Validation(
        "variables.askChanged || variables.removed.all(a, a.by == variables.me)",
        "you may only withdraw your own decision",
    ),
)

_OPEN_PHASES = ", ".join(quoted(phase) for phase in ["", *sorted(OPEN)])

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
    Validation(
        f"oldObject == null || variables.phase in [{_OPEN_PHASES}]"
        " || (!variables.askChanged && variables.old == variables.new)",
        "the ask and its approvals are frozen once execution began",
        "'the ask and its approvals are frozen: this proposal is ' + variables.phase",
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
        "!variables.approving || variables.changed.all(a, has(a.digest)"
        " && a.digest == oldObject.?status.?digest.orValue('none'))",
        "the digest is not that of the ask as it stands: look again",
    ),
    Validation(
        "!variables.approving || object.spec.proposedBy != variables.me",
        "you proposed this: somebody else must approve it",
    ),
    Validation(
        "!variables.approving || variables.tier != 'Critical' || (variables.target != ''"
        " && variables.changed.all(a, a.?confirm.orValue('') == variables.target))",
        "Critical: type the target into confirm",
        "'Critical: confirm must be the target, typed: ' + variables.target",
    ),
)

_LAST_WORDS = (
    Validation(
        "variables.mayResolve && (!variables.newResolution"
        f" || (variables.phase == '{Phase.OUTCOME_UNKNOWN.value}'"
        " && object.spec.resolution.by == variables.me))",
        "only somebody with the right to resolve this tier, in their own name, and only while the"
        " outcome is unknown",
    ),
    Validation(
        "!variables.newResolution"
        " || object.spec.resolution.digest == oldObject.?status.?digest.orValue('none')",
        "the resolution's digest is not that of the ask as it stands: look again",
    ),
    Validation(
        "oldObject == null || !has(oldObject.spec.resolution) || has(object.spec.resolution)",
        "a resolution stays on record: it cannot be removed",
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
)
