"""What keeps the record: no deletion in flight, no strange finalizers, owners or labels."""

from assent.api.admission.installation import Installation
from assent.api.admission.policy import KUBE_SYSTEM, AdmissionPolicy, Validation, Variable, quoted
from assent.api.meta import GROUP, LABEL_INCIDENT, LABEL_ROUND
from assent.api.v1alpha1.actionproposal import ActionProposal
from assent.api.v1alpha1.lifecycle import IN_FLIGHT

NAME = "assent-journal"


def journal(installation: Installation) -> AdmissionPolicy:
    """Return the policy ``assent-journal``.

    Nobody is let off the rule on deletion, the operator included: it keeps no finalizer and needs
    no right to delete.
    """
    in_flight = ", ".join(quoted(phase) for phase in sorted(IN_FLIGHT))
    ours = f"k.startsWith('{GROUP}/')"
    return AdmissionPolicy(
        name=NAME,
        operations=("CREATE", "UPDATE", "DELETE"),
        resources=(ActionProposal.PLURAL,),
        variables=(
            Variable("deleting", "request.operation == 'DELETE'"),
            Variable("operator", f"request.userInfo.username == {quoted(installation.username)}"),
            Variable("phase", "oldObject != null ? oldObject.?status.?phase.orValue('') : ''"),
            *_metadata("finalizers", "[]"),
            *_metadata("ownerReferences", "[]"),
            *_metadata("labels", "{}"),
        ),
        validations=(
            Validation(
                f"!variables.deleting || !(variables.phase in [{in_flight}])",
                "in flight: its journal must survive until it ends (cancel it, or resolve it)",
            ),
            Validation(
                "variables.deleting || variables.operator"
                f" || request.userInfo.username.startsWith({quoted(KUBE_SYSTEM)})"
                " || (variables.newFinalizers == variables.oldFinalizers"
                " && variables.newOwnerReferences == variables.oldOwnerReferences)",
                "finalizers and owners of a proposal are the operator's",
            ),
            Validation(
                "variables.deleting || variables.operator || oldObject == null"
                f" || (variables.oldLabels.all(k, !{ours} || (k in variables.newLabels"
                " && variables.newLabels[k] == variables.oldLabels[k]))"
                f" && variables.newLabels.all(k, !{ours} || k in variables.oldLabels))",
                f"labels of {GROUP} stay as they were when the proposal was filed",
            ),
            Validation(
                "variables.deleting || variables.operator || oldObject != null"
                f" || !({quoted(LABEL_INCIDENT)} in variables.newLabels"
                f" || {quoted(LABEL_ROUND)} in variables.newLabels)",
                f"the labels {LABEL_INCIDENT} and {LABEL_ROUND} are the operator's",
            ),
        ),
    )


def _metadata(field: str, absent: str) -> tuple[Variable, Variable]:
    name = field[0].upper() + field[1:]
    return (
        Variable(
            f"old{name}",
            f"oldObject != null ? oldObject.metadata.?{field}.orValue({absent}) : {absent}",
        ),
        Variable(
            f"new{name}",
            f"object != null ? object.metadata.?{field}.orValue({absent}) : {absent}",
        ),
    )
