"""The terms of the approval gate: what its sentences speak of, each worked out once a request.

- One SubjectAccessReview a variable: three in one expression exceed CEL's cost limit.
- The review asks for the verb on ``actionproposals/<tier>`` with the action type as name, so that
  RBAC's resourceNames limits an approver to types.
- Both tier and digest are the stored ones, written by the operator; what is not assessed yet
  counts as Critical.
"""

from assent.api.admission.ask import changed, same
from assent.api.admission.policy import SERVICE_ACCOUNTS, Variable, quoted
from assent.api.meta import GROUP
from assent.api.v1alpha1.actionproposal import ActionProposal

OLD, NEW = "oldObject.spec", "object.spec"


def variables() -> tuple[Variable, ...]:
    """Return the variables of the policy ``assent-approvals``."""
    return (*_DECISIONS, *_STATUS, *_ask(), *_rights(), *_RESOLUTION)


def robot(name: str) -> str:
    """Return CEL that is true when the user name is that of a service account."""
    return f"{name}.startsWith({quoted(SERVICE_ACCOUNTS)})"


def _allowed(verb: str) -> str:
    return (
        f"authorizer.group('{GROUP}').resource('{ActionProposal.PLURAL}')"
        ".subresource(variables.tier.lowerAscii()).namespace(object.metadata.namespace)"
        f".name(object.spec.action.type).check('{verb}').allowed()"
    )


def _of_old(path: str, absent: str) -> str:
    """Return CEL for a value of the stored object, ``absent`` where there is none."""
    return f"oldObject != null ? oldObject.{path}.orValue({absent}) : {absent}"


_DECISIONS = (
    Variable("me", "request.userInfo.username"),
    Variable("old", _of_old("spec.?approvals", "[]")),
    Variable("new", "object.spec.?approvals.orValue([])"),
    Variable("changed", "variables.new.filter(a, !variables.old.exists(o, o == a))"),
    Variable("removed", "variables.old.filter(o, !variables.new.exists(a, a.by == o.by))"),
    Variable("approving", "variables.changed.exists(a, a.decision == 'Approve')"),
    Variable("rejecting", "variables.changed.exists(a, a.decision == 'Reject')"),
    Variable("breaking", "variables.changed.exists(a, has(a.breakGlass))"),
    Variable("robot", robot("variables.me")),
    Variable(
        "robotOfHere",
        f"variables.me.startsWith({quoted(SERVICE_ACCOUNTS)} + object.metadata.namespace + ':')",
    ),
    Variable(
        "lines",
        "'remove the lines of spec.approvals (by: '"
        " + variables.new.map(a, a.by).join(', ') + ') and give them once it is assessed'",
    ),
)

_STATUS = (
    Variable("phase", _of_old("?status.?phase", "''")),
    Variable("tier", _of_old("?status.?risk.?tier", "'Critical'")),
    Variable("target", _of_old("?status.?target.?id", "''")),
    Variable("digest", _of_old("?status.?digest", "''")),
    Variable("authors", _of_old("?status.?authors", "[]")),
)


def _ask() -> tuple[Variable, ...]:
    return (
        Variable("otherChanged", f"oldObject == null || {changed(OLD, NEW, without_author=True)}"),
        Variable("askChanged", f"oldObject == null || {changed(OLD, NEW)}"),
        Variable(
            "assessed",
            "oldObject != null && oldObject.?status.?assessed.hasValue() && "
            + same("oldObject.status.assessed", NEW),
        ),
    )


def _rights() -> tuple[Variable, ...]:
    return (
        Variable("mayApprove", f"!variables.approving || {_allowed('approve')}"),
        Variable("mayReject", f"!variables.rejecting || {_allowed('reject')}"),
        Variable("mayBreakGlass", f"!variables.breaking || {_allowed('break-glass')}"),
    )


_RESOLUTION = (
    Variable(
        "newResolution",
        "has(object.spec.resolution) &&"
        " (oldObject == null || oldObject.spec.?resolution != object.spec.?resolution)",
    ),
    Variable("mayResolve", f"!variables.newResolution || {_allowed('resolve')}"),
)
