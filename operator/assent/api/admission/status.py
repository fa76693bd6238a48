"""Who may write status and the Lease: the operator, and of its pods the one that leads."""

from assent.api.admission.installation import Installation
from assent.api.admission.policy import (
    AdmissionPolicy,
    Condition,
    LeaseParameter,
    Validation,
    quoted,
)
from assent.api.v1alpha1.actionproposal import ActionProposal
from assent.api.v1alpha1.tikvcluster import TiKVCluster

WRITER_NAME = "assent-status-writer"
FENCE_NAME = "assent-leader-fence"
LEASE_NAME = "assent-lease"

_STATUS = (f"{ActionProposal.PLURAL}/status", f"{TiKVCluster.PLURAL}/status")
_POD = "authentication.kubernetes.io/pod-name"
"""Carried by every token that is bound to a pod, as all projected ones are."""


def status_writer(installation: Installation) -> AdmissionPolicy:
    """Return the policy ``assent-status-writer``; it holds for cluster administrators too."""
    return AdmissionPolicy(
        name=WRITER_NAME,
        operations=("CREATE", "UPDATE"),
        resources=_STATUS,
        validations=(
            Validation(
                f"request.userInfo.username == {quoted(installation.username)}",
                "status is written by the operator only",
                forbidden=True,
            ),
        ),
    )


def leader_fence(installation: Installation) -> AdmissionPolicy:
    """Return the policy ``assent-leader-fence``: a pod that lost the Lease writes no status.

    Where the Lease is missing, every status write is refused with 422, the operator's included:
    it creates its Lease before it writes status. The API server reads the Lease from a cache, so
    a 403 within about 2 s of taking over is worth another try. When the holder is refused for
    longer, that cache is frozen (see ``policy.KEPT``): only restarting the API server helps, or
    removing this policy's binding, which leaves the epoch rule as the one fence.
    """
    return AdmissionPolicy(
        name=FENCE_NAME,
        operations=("CREATE", "UPDATE"),
        resources=_STATUS,
        lease=LeaseParameter(name=installation.lease_name, namespace=installation.namespace),
        conditions=(
            Condition(
                "only-operator", f"request.userInfo.username == {quoted(installation.username)}"
            ),
        ),
        validations=(
            Validation(
                "params != null && has(params.spec.holderIdentity)"
                f" && has(request.userInfo.extra) && {quoted(_POD)} in request.userInfo.extra"
                f" && request.userInfo.extra[{quoted(_POD)}][0] == params.spec.holderIdentity",
                "fenced: caller pod does not hold the operator Lease",
                forbidden=True,
            ),
        ),
    )


def lease_writer(installation: Installation) -> AdmissionPolicy:
    """Return the policy ``assent-lease``: only the operator says who leads, administrators
    included, for the fence believes the Lease.

    Deleting it is plain RBAC: the term ends, status stands still until a new one begins under a
    higher epoch, and nobody can write it anew but the operator.
    """
    return AdmissionPolicy(
        name=LEASE_NAME,
        operations=("CREATE", "UPDATE"),
        group="coordination.k8s.io",
        resources=("leases",),
        names=(installation.lease_name,),
        conditions=(Condition("ours", f"request.namespace == {quoted(installation.namespace)}"),),
        validations=(
            Validation(
                f"request.userInfo.username == {quoted(installation.username)}",
                "this Lease is written by the operator only",
                forbidden=True,
            ),
        ),
    )
