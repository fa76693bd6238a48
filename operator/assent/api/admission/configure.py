"""TiKVCluster's own gate: loosening what makes approval necessary is a right of its own."""

from assent.api.admission.policy import AdmissionPolicy, Validation, Variable
from assent.api.crdgen.structural import structural_schema
from assent.api.meta import GROUP
from assent.api.v1alpha1.tikvcluster import TiKVCluster, TiKVClusterSpec

NAME = "assent-configure"

_FREE = "suspend"
"""Anybody who may patch the object may suspend it; taking it back is configuring."""


def configure() -> AdmissionPolicy:
    """Return the policy ``assent-configure``: all of spec but ``suspend: true`` needs the right."""
    fields = [name for name in structural_schema(TiKVClusterSpec)["properties"] if name != _FREE]
    changed = " || ".join(f"oldObject.spec.?{name} != object.spec.?{name}" for name in fields)
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
                "mayConfigure",
                f"!(variables.configured || variables.resumed) || authorizer.group('{GROUP}')"
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
