"""Names that the API server, Helm and people see: group, labels, finalizer, field manager."""

GROUP = "assent.tikv.org"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = "assent"

FINALIZER = f"{GROUP}/journal"
"""Kept on a proposal from its claim until its journal ends."""

FIELD_MANAGER = "assent"

LABEL_CLUSTER = f"{GROUP}/cluster"
LABEL_RULE = f"{GROUP}/rule"
LABEL_ACTION = f"{GROUP}/action"
LABEL_TARGET = f"{GROUP}/target"
LABEL_INCIDENT = f"{GROUP}/incident"
"""Short hash of (rule, target); every proposal about one problem carries the same."""
LABEL_ROUND = f"{GROUP}/round"
"""Ordinal of the proposal among those of its incident, from 1."""

OPERATOR_NAMESPACE = "assent-system"
OPERATOR_SERVICE_ACCOUNT = "assent"
LEASE_NAME = "assent"


def service_account_username(*, namespace: str, name: str) -> str:
    """Return the user name under which the API server knows a service account."""
    return f"system:serviceaccount:{namespace}:{name}"
