"""What is installed can be compared with what is shipped, and tampering shows."""

from typing import Any

import pytest

from assent.api.admission import deviations, policies
from assent.kube.admission import TERMINATING, Forgery, forgeries
from tests.integration.api.kubeapi import GROUP_ROOT, MERGE, NAMESPACE, KubeApi, Who, path
from tests.integration.api.life import Life, approval
from tests.integration.api.people import ALICE
from tests.integration.api.waiting import until

ROOT = "/apis/admissionregistration.k8s.io/v1"
KINDS = {
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}
SHIPPED = policies(namespace="assent-system", service_account="assent")


def installed(kube: KubeApi, by: Who) -> list[dict[str, Any]]:
    """Return both lists as the operator reads them, with its own rights."""
    return [
        {**item, "kind": kind}
        for kind, plural in KINDS.items()
        for item in kube.call("GET", f"{ROOT}/{plural}", by=by).ok()["items"]
    ]


def test_api_server_returns_what_is_shipped(kube: KubeApi, operator: Who) -> None:
    """No defaulting stands between the two: equal specs, field by field."""
    assert deviations(installed(kube, operator), SHIPPED) == ()


def test_another_installation_deviates(kube: KubeApi, operator: Who) -> None:
    """Policies that guard for another operator do not guard for this one."""
    other = policies(namespace="elsewhere", service_account="assent")
    sentences = deviations(installed(kube, operator), other)
    assert any("assent-status-writer is not as shipped" in sentence for sentence in sentences)


TAMPERED = [
    pytest.param(
        "validatingadmissionpolicybindings/assent-approvals",
        {"validationActions": ["Audit"]},
        "ValidatingAdmissionPolicyBinding assent-approvals is not as shipped: "
        "spec.validationActions",
        id="audited only, no longer denied",
    ),
    pytest.param(
        "validatingadmissionpolicies/assent-journal",
        {"failurePolicy": "Ignore"},
        "ValidatingAdmissionPolicy assent-journal is not as shipped: spec.failurePolicy",
        id="ignored when it fails",
    ),
    pytest.param(
        "validatingadmissionpolicies/assent-configure",
        {"matchConditions": [{"name": "never", "expression": "false"}]},
        "ValidatingAdmissionPolicy assent-configure is not as shipped: spec.matchConditions",
        id="never matching",
    ),
    pytest.param(
        "validatingadmissionpolicybindings/assent-status-writer",
        {"matchResources": {"namespaceSelector": {"matchLabels": {"a": "b"}}}},
        "ValidatingAdmissionPolicyBinding assent-status-writer is not as shipped: "
        "spec.matchResources",
        id="bound to some namespaces only",
    ),
]


@pytest.mark.parametrize(("at", "spec", "sentence"), TAMPERED)
def test_tampering_is_seen(
    kube: KubeApi, operator: Who, at: str, spec: dict[str, Any], sentence: str
) -> None:
    """Each way to switch the gate off quietly shows in one sentence.

    As the API server would store it, but dry: what were stored would keep the gate open for the
    tests after this one, until the API server has heard that it was undone.
    """
    answer = kube.call(
        "PATCH", f"{ROOT}/{at}", {"spec": spec}, content_type=MERGE, query={"dryRun": "All"}
    )
    tampered = answer.ok()
    key = (tampered["kind"], tampered["metadata"]["name"])
    others = [
        item
        for item in installed(kube, operator)
        if (item["kind"], item["metadata"]["name"]) != key
    ]
    assert deviations([*others, tampered], SHIPPED) == (sentence,)


OPERATOR = "system:serviceaccount:assent-system:assent"


@pytest.mark.parametrize("forgery", forgeries(OPERATOR), ids=lambda forgery: forgery.what)
def test_forgeries_of_the_self_test_are_refused_for_the_operator(
    kube: KubeApi, operator: Who, forgery: Forgery
) -> None:
    """The operator can test the gate with the one right it has: to create, dry."""
    query = {"dryRun": "All"}
    body = forgery.body(NAMESPACE)
    answer = kube.call("POST", path("actionproposals"), body, by=operator, query=query)
    answer.refused(422, forgery.refused_with)


def test_a_namespace_on_its_way_out_refuses_in_words_that_the_self_test_knows(
    kube: KubeApi, operator: Who
) -> None:
    """Else one namespace that is stuck in deletion would stop the work in all others."""
    name = "leaving"
    kube.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}}).ok()
    kube.call("DELETE", f"/api/v1/namespaces/{name}").ok()
    at = f"{GROUP_ROOT}/namespaces/{name}/actionproposals"
    (first, *_) = forgeries(OPERATOR)
    until(
        lambda: (
            TERMINATING
            in kube.call("POST", at, first.body(name), by=operator, query={"dryRun": "All"}).message
        ),
        what="a refusal for the namespace's sake",
    )


def test_policies_have_no_type_errors(kube: KubeApi) -> None:
    """Compiled by the server: an expression that does not compile would be refused at install.

    Re-creating each under another name (dry) proves it for what is in the tree now.
    """
    for document in SHIPPED:
        copy = {**document, "metadata": {"name": f"copy-{document['metadata']['name']}"}}
        query = {"dryRun": "All", "fieldValidation": "Strict"}
        kube.call("POST", f"{ROOT}/{KINDS[document['kind']]}", copy, query=query).ok()


def test_audit_annotation_does_not_stand_in_the_way(kube: KubeApi, life: Life) -> None:
    """A decision is annotated, a write without one is not; both pass."""
    proposal = life.assessed()
    proposal.patch({"approvals": [approval(ALICE)]}, by=ALICE).ok()
    body = {"metadata": {"annotations": {"note": "x"}}}
    at = path("actionproposals", proposal.name)
    kube.call("PATCH", at, body, by=ALICE, content_type=MERGE).ok()
