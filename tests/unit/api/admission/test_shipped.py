"""The policies as values: complete, for any installation, and nothing left to defaulting."""

import json
from typing import Any

import pytest

from assent.api.admission import Installation, policies
from assent.api.admission.approvals import TIERS_WITHOUT_ROBOTS, WITHOUT_A_CALL
from assent.api.admission.policy import AdmissionPolicy, Validation, quoted
from assent.api.admission.shipped import shipped
from assent.api.v1alpha1.lifecycle import FINISHED, IN_FLIGHT, OPEN, TABLE
from assent.api.v1alpha1.tikvcluster import Tier, TiKVClusterSpec
from assent.core.policy.ceremony import ceremony_of

SHIPPED = policies(namespace="assent-system", service_account="assent")
BY_NAME = {
    document["metadata"]["name"]: document
    for document in SHIPPED
    if document["kind"] == "ValidatingAdmissionPolicy"
}
BINDINGS = {
    document["metadata"]["name"]: document
    for document in SHIPPED
    if document["kind"] == "ValidatingAdmissionPolicyBinding"
}


def test_every_policy_is_bound() -> None:
    """A policy without a binding does nothing."""
    assert list(BY_NAME) == list(BINDINGS)
    for name, binding in BINDINGS.items():
        assert binding["spec"]["policyName"] == name
        assert "Deny" in binding["spec"]["validationActions"]
        assert "matchResources" not in binding["spec"], "bound everywhere"


def test_the_seven_policies() -> None:
    """Approvals, journal, clusters in use, status, leader, Lease and configuration."""
    assert list(BY_NAME) == [
        "assent-approvals",
        "assent-journal",
        "assent-cluster-in-use",
        "assent-status-writer",
        "assent-leader-fence",
        "assent-lease",
        "assent-configure",
    ]


@pytest.mark.parametrize("name", list(BY_NAME))
def test_policy_fails_closed(name: str) -> None:
    """An error in an expression refuses the write."""
    assert BY_NAME[name]["spec"]["failurePolicy"] == "Fail"


@pytest.mark.parametrize("name", list(BY_NAME))
def test_policy_is_written_out(name: str) -> None:
    """Fields that the API server would default are there, so that specs compare equal."""
    constraints = BY_NAME[name]["spec"]["matchConstraints"]
    assert constraints["matchPolicy"] == "Equivalent"
    assert constraints["namespaceSelector"] == constraints["objectSelector"] == {}
    (rule,) = constraints["resourceRules"]
    assert (rule["scope"], rule["apiVersions"]) == ("*", ["*"])


def test_names_of_the_installation_reach_the_expressions() -> None:
    """An operator elsewhere is guarded as that operator, and no trace of the default stays."""
    text = json.dumps(policies(namespace="ops", service_account="robot", lease_name="shard-1"))
    assert "system:serviceaccount:ops:robot" in text
    assert "assent-system" not in text
    fence = [
        item
        for item in policies(namespace="ops", service_account="robot", lease_name="shard-1")
        if item["kind"].endswith("Binding") and "name" in item["spec"].get("paramRef", {})
    ]
    assert [item["spec"]["paramRef"] for item in fence] == [
        {"name": "shard-1", "namespace": "ops", "parameterNotFoundAction": "Deny"}
    ]


def test_default_installation_is_that_of_the_manifests() -> None:
    """deploy/ and the code speak of the same account."""
    assert Installation().username == "system:serviceaccount:assent-system:assent"
    documents = [item for policy in shipped(Installation()) for item in policy.wire()]
    assert documents == SHIPPED


def expression(policy: str, variable: str) -> str:
    (found,) = [
        item["expression"]
        for item in BY_NAME[policy]["spec"]["variables"]
        if item["name"] == variable
    ]
    return str(found)


def test_configuring_covers_every_field_but_suspend() -> None:
    """A new field of TiKVCluster's spec is guarded from the day it exists."""
    aliases = {str(field.alias) for field in TiKVClusterSpec.model_fields.values()}
    text = expression("assent-configure", "configured")
    for alias in aliases - {"suspend"}:
        assert f"oldObject.spec.?{alias} != object.spec.?{alias}" in text
    assert "suspend" not in text


def test_one_right_a_variable() -> None:
    """Several access reviews in one expression exceed what CEL may cost."""
    for document in BY_NAME.values():
        for variable in document["spec"].get("variables", []):
            assert variable["expression"].count(".check(") <= 1
        for validation in document["spec"]["validations"]:
            assert "authorizer" not in validation["expression"]


def test_phases_come_from_the_lifecycle() -> None:
    """What is frozen and what cannot be deleted follow the table."""
    texts = [item["expression"] for item in BY_NAME["assent-approvals"]["spec"]["validations"]]
    frozen = next(text for text in texts if "variables.phase in" in text)
    assert all(f"'{phase}'" in frozen for phase in OPEN)
    journal = BY_NAME["assent-journal"]["spec"]["validations"][0]["expression"]
    assert all(f"'{phase}'" in journal for phase in IN_FLIGHT)
    in_use = BY_NAME["assent-cluster-in-use"]["spec"]["validations"][0]["expression"]
    assert all(f"'{phase}'" in in_use for phase in IN_FLIGHT)


def test_what_begins_a_sentence_for_frozen_asks_follows_the_lifecycle() -> None:
    """After a call there may be something to take back; where nothing was sent there is not."""
    sent = {
        phase for phase in FINISHED if any(row.to is phase for row in TABLE if row.phase is None)
    }
    assert set(WITHOUT_A_CALL) < sent
    assert not set(WITHOUT_A_CALL) & (IN_FLIGHT | OPEN)


def test_service_accounts_have_seats_where_the_ceremony_gives_them() -> None:
    """The API server and the operator's own count agree."""
    none = {tier for tier in Tier if ceremony_of(tier).service_account_seats == 0}
    assert set(TIERS_WITHOUT_ROBOTS) == none


def test_the_lease_is_guarded_by_name_and_namespace() -> None:
    """No other Lease of the cluster is touched: nodes renew theirs all the time."""
    spec = BY_NAME["assent-lease"]["spec"]
    (rule,) = spec["matchConstraints"]["resourceRules"]
    assert (rule["apiGroups"], rule["resources"]) == (["coordination.k8s.io"], ["leases"])
    assert rule["resourceNames"] == ["assent"]
    (condition,) = spec["matchConditions"]
    assert condition["expression"] == "request.namespace == 'assent-system'"


def messages() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{name} {number}", validation)
        for name, document in BY_NAME.items()
        for number, validation in enumerate(document["spec"]["validations"])
    ]


@pytest.mark.parametrize(("at", "validation"), messages(), ids=[case[0] for case in messages()])
def test_every_refusal_has_a_sentence(at: str, validation: dict[str, Any]) -> None:
    """One line that a person can act on; the API server allows no line break in it."""
    assert validation["message"]
    assert "\n" not in validation["message"]


def test_missing_right_is_403_wrong_request_422() -> None:
    """`reason: Forbidden` is for rights only."""
    assert Validation("a", "b", forbidden=True).wire()["reason"] == "Forbidden"
    assert "reason" not in Validation("a", "b").wire()


def test_text_in_cel_is_quoted() -> None:
    """A name can neither end the literal nor begin an escape."""
    assert quoted("it's") == r"'it\'s'"
    assert quoted("a\\b") == r"'a\\b'"


def test_optional_parts_are_left_out() -> None:
    """The API server drops empty lists; what is shipped must not have them."""
    policy, binding = AdmissionPolicy(
        name="x", operations=("CREATE",), resources=("y",), validations=()
    ).wire()
    assert set(policy["spec"]) == {"failurePolicy", "matchConstraints", "validations"}
    assert set(binding["spec"]) == {"policyName", "validationActions"}


def test_helm_keeps_what_the_api_server_cannot_take_up_again() -> None:
    """A re-created binding with a Lease as parameter sees a frozen copy of it; one with objects of
    our own as parameters does not (`test_a_policy_made_anew_goes_on_seeing_proposals`).
    """
    kept = [
        document["metadata"]["name"]
        for document in SHIPPED
        if document["metadata"].get("annotations") == {"helm.sh/resource-policy": "keep"}
    ]
    with_lease = [
        document["metadata"]["name"]
        for document in SHIPPED
        if document["spec"].get("paramKind", {}).get("kind") == "Lease"
        or "name" in document["spec"].get("paramRef", {})
    ]
    assert kept == with_lease == ["assent-leader-fence", "assent-leader-fence"]
