"""All that is shipped, in the order in which to install it."""

from typing import Any

from assent.api.admission.approvals import approvals
from assent.api.admission.configure import configure
from assent.api.admission.installation import Installation
from assent.api.admission.policy import AdmissionPolicy
from assent.api.admission.records import cluster_in_use, journal
from assent.api.admission.status import leader_fence, lease_writer, status_writer
from assent.api.meta import LEASE_NAME


def policies(
    *, namespace: str, service_account: str, lease_name: str = LEASE_NAME
) -> list[dict[str, Any]]:
    """Return every ValidatingAdmissionPolicy and binding for an operator installed there.

    Every field that the API server would default is present, so that an installed object's
    ``spec`` equals the shipped one (``deviations`` compares them).
    """
    installation = Installation(namespace, service_account, lease_name)
    return [document for policy in shipped(installation) for document in policy.wire()]


def shipped(installation: Installation) -> tuple[AdmissionPolicy, ...]:
    """Return every policy for this installation."""
    return (
        approvals(installation),
        journal(installation),
        cluster_in_use(),
        status_writer(installation),
        leader_fence(installation),
        lease_writer(installation),
        configure(),
    )
