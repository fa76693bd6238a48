"""Where an operator is installed: what the policies must know of it."""

from dataclasses import dataclass

from assent.api.meta import (
    LEASE_NAME,
    OPERATOR_NAMESPACE,
    OPERATOR_SERVICE_ACCOUNT,
    service_account_username,
)


@dataclass(frozen=True, slots=True)
class Installation:
    """The names that differ between installations; the defaults are those of ``deploy/``."""

    namespace: str = OPERATOR_NAMESPACE
    service_account: str = OPERATOR_SERVICE_ACCOUNT
    lease_name: str = LEASE_NAME

    @property
    def username(self) -> str:
        """The operator's user name at the API server."""
        return service_account_username(namespace=self.namespace, name=self.service_account)
