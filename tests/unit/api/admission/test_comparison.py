"""Whether what is installed is what is shipped."""

from copy import deepcopy
from typing import Any

from assent.api.admission import deviations, policies

SHIPPED = policies(namespace="assent-system", service_account="assent")


def installed() -> list[dict[str, Any]]:
    """Return what an API server would list: the same specs under more metadata."""
    found = deepcopy(SHIPPED)
    for item in found:
        item["metadata"].update(uid="1", generation=3, annotations={"a": "b"})
        item["status"] = {"observedGeneration": 3}
    return found


def test_equal_specs_are_as_shipped() -> None:
    """Metadata and status are the API server's and Helm's."""
    assert deviations(installed(), SHIPPED) == ()


def test_foreign_objects_are_ignored() -> None:
    """Other policies of the cluster are none of ours."""
    other = {"kind": "ValidatingAdmissionPolicy", "metadata": {"name": "other"}, "spec": {}}
    assert deviations([*installed(), other], SHIPPED) == ()


def test_missing_object_is_named() -> None:
    """The sentence says which of the two kinds is missing."""
    found = [item for item in installed() if item["metadata"]["name"] != "assent-journal"]
    assert deviations(found, SHIPPED) == (
        "ValidatingAdmissionPolicy assent-journal is not installed",
        "ValidatingAdmissionPolicyBinding assent-journal is not installed",
    )


def test_nothing_installed_names_everything() -> None:
    """Seven policies, and a binding for each, make the gate."""
    assert len(deviations([], SHIPPED)) == len(SHIPPED) == 14


def test_object_on_its_way_out_is_named() -> None:
    """With a finalizer it is still listed, and no longer to be relied on."""
    found = installed()
    found[0]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert deviations(found, SHIPPED) == (
        "ValidatingAdmissionPolicy assent-approvals is being deleted",
    )


def test_changed_added_and_removed_fields_are_named() -> None:
    """What exactly to look at."""
    found = installed()
    spec = found[0]["spec"]
    spec["failurePolicy"] = "Ignore"
    spec["matchConditions"] = [{"name": "never", "expression": "false"}]
    del spec["auditAnnotations"]
    assert deviations(found, SHIPPED) == (
        "ValidatingAdmissionPolicy assent-approvals is not as shipped:"
        " spec.auditAnnotations, spec.failurePolicy, spec.matchConditions",
    )


def test_object_without_spec_deviates() -> None:
    """A malformed answer is no reason to trust the gate."""
    found = installed()
    del found[1]["spec"]
    (sentence,) = deviations(found, SHIPPED)
    assert sentence.startswith("ValidatingAdmissionPolicyBinding assent-approvals is not as")
