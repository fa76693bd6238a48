"""TiKVCluster's own gate: loosening what makes approval necessary is a right of its own."""

from assent.api.admission.policy import KUBE_SYSTEM, AdmissionPolicy, Validation, Variable, quoted
from assent.api.crdgen.structural import structural_schema
from assent.api.meta import GROUP
from assent.api.v1alpha1.tikvcluster import TiKVCluster, TiKVClusterSpec

NAME = "assent-configure"

_BOUND_BY = ("finalizers", "ownerReferences")
"""An owner that does not exist makes the garbage collector delete the object, and a finalizer keeps
it for ever: who may set them may do both without the right to delete."""

_FREE = "suspend"
"""Anybody who may patch the object may suspend it; taking it back is configuring."""


def configure() -> AdmissionPolicy:
    """Return the policy ``assent-configure``: all of spec but ``suspend: true`` needs the right.

    So do owners and finalizers, except for the garbage collector and the namespace controller.
    """
    fields = [name for name in structural_schema(TiKVClusterSpec)["properties"] if name != _FREE]
    changed = " || ".join(f"oldObject.spec.?{name} != object.spec.?{name}" for name in fields)
    bound = " || ".join(
        f"oldObject.metadata.?{name} != object.metadata.?{name}" for name in _BOUND_BY
    )
    return AdmissionPolicy(
        name=NAME,
        operations=("CREATE", "UPDATE"),
        resources=(TiKVCluster.PLURAL,),
        variables=(
            Variable(
                "resumed",
                f"oldObject != null && oldObject.spec.?{_FREE}.orValue(false)"
                f" && !object.spec.?{_FREE}.orValue(false)",
            ),
            Variable("configured", f"oldObject == null || {changed}"),
            Variable(
                "bound",
                f"oldObject != null && ({bound})"
                f" && !request.userInfo.username.startsWith({quoted(KUBE_SYSTEM)})",
            ),
            Variable(
                "mayConfigure",
                "!(variables.configured || variables.resumed || variables.bound)"
                f" || authorizer.group('{GROUP}')"
                f".resource('{TiKVCluster.PLURAL}').subresource('policy')"
                ".namespace(object.metadata.namespace).name(object.metadata.name)"
                ".check('configure').allowed()",
            ),
        ),
        validations=(
            Validation(
                "variables.mayConfigure",
                "you may not configure this TiKVCluster",
                "'user ' + request.userInfo.username + ' may not configure TiKVCluster '"
                " + object.metadata.namespace + '/' + object.metadata.name"
                f" + ': needs the verb configure on {TiKVCluster.PLURAL}/policy"
                " (suspend: true is free)'",
                forbidden=True,
            ),
        ),
    )
