"""A ValidatingAdmissionPolicy with its binding, written out with every default filled in.

Nothing is left to the API server's defaulting, so that what is installed can be compared with
what is shipped field by field (Kubernetes 1.30 or newer; tried on 1.36).
"""

from dataclasses import dataclass
from typing import Any

from assent.api.meta import API_VERSION as OUR_API_VERSION
from assent.api.meta import GROUP

API_VERSION = "admissionregistration.k8s.io/v1"
LABELS = {"app.kubernetes.io/name": "assent", "app.kubernetes.io/component": "admission"}

KEPT = {"helm.sh/resource-policy": "keep"}
"""On policies with a parameter of a built-in kind, and on their bindings: once no binding names
the kind, the API server's copy of the parameter stays frozen until it is restarted (kubernetes
issue 130887, seen on 1.36.3). So ``helm uninstall`` leaves both in place; they concern status
writes of the operator only, and are taken over by the next install."""


SERVICE_ACCOUNTS = "system:serviceaccount:"
"""How every service account's user name begins."""

KUBE_SYSTEM = f"{SERVICE_ACCOUNTS}kube-system:"
"""Garbage collector and namespace controller take finalizers and owners away on deletion."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A named CEL expression; computed when first used."""

    name: str
    expression: str

    def wire(self) -> dict[str, str]:
        """Return it as an entry of ``spec.variables``."""
        return {"name": self.name, "expression": self.expression}


@dataclass(frozen=True, slots=True)
class Validation:
    """What must hold, and the sentence that the refused person gets."""

    expression: str
    message: str
    message_expression: str | None = None
    forbidden: bool = False
    """True answers 403, for a missing right; else 422, for a wrong request."""

    def wire(self) -> dict[str, str]:
        """Return it as an entry of ``spec.validations``."""
        entry = {"expression": self.expression, "message": self.message}
        if self.message_expression is not None:
            entry["messageExpression"] = self.message_expression
        if self.forbidden:
            entry["reason"] = "Forbidden"
        return entry


@dataclass(frozen=True, slots=True)
class Condition:
    """A policy concerns only the requests for which this holds."""

    name: str
    expression: str

    def wire(self) -> dict[str, str]:
        """Return it as an entry of ``spec.matchConditions``."""
        return {"name": self.name, "expression": self.expression}


@dataclass(frozen=True, slots=True)
class LeaseParameter:
    """The Lease that a policy's expressions see as ``params``."""

    name: str
    namespace: str


@dataclass(frozen=True, slots=True)
class ParameterOfOurs:
    """Every object of one of our own kinds in the request's namespace is ``params`` in its turn:
    the policy must hold beside each of them, and does where there is none.
    """

    kind: str


@dataclass(frozen=True, slots=True)
class AdmissionPolicy:
    """One policy and its binding, which bear the same name."""

    name: str
    operations: tuple[str, ...]
    resources: tuple[str, ...]
    """As in RBAC: ``actionproposals/status``."""
    validations: tuple[Validation, ...]
    variables: tuple[Variable, ...] = ()
    conditions: tuple[Condition, ...] = ()
    audit: tuple[tuple[str, str], ...] = ()
    """Audit annotations: key and CEL expression; an empty string leaves the annotation out."""
    lease: LeaseParameter | None = None
    beside: ParameterOfOurs | None = None
    """Never together with ``lease``."""
    group: str = GROUP
    """Whose resources these are."""
    names: tuple[str, ...] = ()
    """Only objects with one of these names; empty means all."""

    def wire(self) -> list[dict[str, Any]]:
        """Return the policy and its binding, in the order in which to install them."""
        return [self._policy(), self._binding()]

    def _policy(self) -> dict[str, Any]:
        spec: dict[str, Any] = {"failurePolicy": "Fail"}
        if self.lease is not None:
            spec["paramKind"] = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
        if self.beside is not None:
            spec["paramKind"] = {"apiVersion": OUR_API_VERSION, "kind": self.beside.kind}
        rule: dict[str, Any] = {
            "apiGroups": [self.group],
            "apiVersions": ["*"],
            "operations": list(self.operations),
            "resources": list(self.resources),
            "scope": "*",
        }
        if self.names:
            rule["resourceNames"] = list(self.names)
        spec["matchConstraints"] = {
            "matchPolicy": "Equivalent",
            "namespaceSelector": {},
            "objectSelector": {},
            "resourceRules": [rule],
        }
        if self.conditions:
            spec["matchConditions"] = [condition.wire() for condition in self.conditions]
        if self.variables:
            spec["variables"] = [variable.wire() for variable in self.variables]
        spec["validations"] = [validation.wire() for validation in self.validations]
        if self.audit:
            spec["auditAnnotations"] = [
                {"key": key, "valueExpression": expression} for key, expression in self.audit
            ]
        return self._object("ValidatingAdmissionPolicy", spec)

    def _binding(self) -> dict[str, Any]:
        spec: dict[str, Any] = {"policyName": self.name}
        if self.lease is not None:
            spec["paramRef"] = {
                "name": self.lease.name,
                "namespace": self.lease.namespace,
                "parameterNotFoundAction": "Deny",
            }
        if self.beside is not None:
            spec["paramRef"] = {"selector": {}, "parameterNotFoundAction": "Allow"}
        spec["validationActions"] = ["Deny", "Audit"]
        return self._object("ValidatingAdmissionPolicyBinding", spec)

    def _object(self, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
        metadata: dict[str, Any] = {"name": self.name, "labels": dict(LABELS)}
        if self.lease is not None:
            metadata["annotations"] = dict(KEPT)
        return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def quoted(text: str) -> str:
    """Return a CEL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
