"""What keeps the record: nothing is deleted in flight, no strange finalizers, owners or labels."""

from assent.api.admission.installation import Installation
from assent.api.admission.policy import (
    KUBE_SYSTEM,
    AdmissionPolicy,
    ParameterOfOurs,
    Validation,
    Variable,
    quoted,
)
from assent.api.meta import GROUP, LABEL_INCIDENT, LABEL_ROUND
from assent.api.v1alpha1.actionproposal import ActionProposal
from assent.api.v1alpha1.halt import Halt
from assent.api.v1alpha1.lifecycle import IN_FLIGHT
from assent.api.v1alpha1.tikvcluster import TiKVCluster

NAME = "assent-journal"
CLUSTER_NAME = "assent-cluster-in-use"

_IN_FLIGHT = ", ".join(quoted(phase) for phase in sorted(IN_FLIGHT))


def journal(installation: Installation) -> AdmissionPolicy:
    """Return the policy ``assent-journal``.

    Nobody is let off the rule on deletion, the operator included: it keeps no finalizer and needs
    no right to delete. A Halt is ended by whoever may delete it, and by nothing else: a finalizer
    would keep it, and an owner would take it along.
    """
    ours = f"k.startsWith('{GROUP}/')"
    return AdmissionPolicy(
        name=NAME,
        operations=("CREATE", "UPDATE", "DELETE"),
        resources=(ActionProposal.PLURAL, Halt.PLURAL),
        variables=(
            Variable("halt", f"request.resource.resource == {quoted(Halt.PLURAL)}"),
            Variable("deleting", "request.operation == 'DELETE'"),
            Variable("operator", f"request.userInfo.username == {quoted(installation.username)}"),
            Variable("it", "oldObject.metadata.name + ' -n ' + oldObject.metadata.namespace"),
            Variable("phase", "oldObject != null ? oldObject.?status.?phase.orValue('') : ''"),
            *_metadata("finalizers", "[]"),
            *_metadata("ownerReferences", "[]"),
            *_metadata("labels", "{}"),
        ),
        validations=(
            Validation(
                f"!variables.deleting || !(variables.phase in [{_IN_FLIGHT}])",
                "in flight: its journal must survive until it ends (cancel it, or resolve it)",
                "'in flight: its journal must survive until it ends (cancel it, or resolve it);'"
                " + ' to stop it: kubectl proposals cancel ' + variables.it"
                " + '; to take back what was done: kubectl proposals revert ' + variables.it",
            ),
            Validation(
                "variables.deleting || variables.operator || variables.halt"
                f" || request.userInfo.username.startsWith({quoted(KUBE_SYSTEM)})"
                " || (variables.newFinalizers == variables.oldFinalizers"
                " && variables.newOwnerReferences == variables.oldOwnerReferences)",
                "finalizers and owners of a proposal are the operator's",
            ),
            Validation(
                "variables.deleting || !variables.halt"
                f" || request.userInfo.username.startsWith({quoted(KUBE_SYSTEM)})"
                " || (variables.newFinalizers.all(one, one in variables.oldFinalizers)"
                " && variables.newOwnerReferences.all(one, one in variables.oldOwnerReferences))",
                "a Halt bears no finalizers and no owners: whoever may end it must be able to",
            ),
            Validation(
                "variables.deleting || variables.operator || variables.halt || oldObject == null"
                f" || (variables.oldLabels.all(k, !{ours} || (k in variables.newLabels"
                " && variables.newLabels[k] == variables.oldLabels[k]))"
                f" && variables.newLabels.all(k, !{ours} || k in variables.oldLabels))",
                f"labels of {GROUP} stay as they were when the proposal was filed",
            ),
            Validation(
                "variables.deleting || variables.operator || variables.halt || oldObject != null"
                f" || !({quoted(LABEL_INCIDENT)} in variables.newLabels"
                f" || {quoted(LABEL_ROUND)} in variables.newLabels)",
                f"the labels {LABEL_INCIDENT} and {LABEL_ROUND} are the operator's",
            ),
        ),
    )


def cluster_in_use() -> AdmissionPolicy:
    """Return the policy ``assent-cluster-in-use``: a TiKVCluster stays as long as a proposal for it
    is in flight, for without it nobody can see in PD what became of the call.

    The API server reads the proposals from a cache, so one that was claimed within the last moments
    may be missed: the last look before the call then finds the TiKVCluster gone.
    """
    phase = "params.?status.?phase.orValue('')"
    return AdmissionPolicy(
        name=CLUSTER_NAME,
        operations=("DELETE",),
        resources=(TiKVCluster.PLURAL,),
        beside=ParameterOfOurs(ActionProposal.KIND),
        validations=(
            Validation(
                "params == null || params.spec.clusterRef.name != oldObject.metadata.name"
                f" || !({phase} in [{_IN_FLIGHT}])",
                "in use: a proposal for this TiKVCluster is in flight",
                "'in use: proposal ' + params.metadata.name + ' for this TiKVCluster is in flight'"
                f" + ' (' + {phase} + '); wait until its journal ends, cancel it, or resolve it'",
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
