"""The examples of docs/reference/actions.md, applied to the real API server as they stand."""

import re
from typing import Any

import pytest
import yaml

from assent.api.v1alpha1.actionproposal import ActionProposalSpec
from assent.api.v1alpha1.actions import ActionType
from tests.integration.api.installing import ROOT, path_of
from tests.integration.api.kubeapi import KubeApi, Who

PAGE = (ROOT / "docs/reference/actions.md").read_text()
EXAMPLES: dict[str, dict[str, Any]] = {
    title: yaml.safe_load(text)
    for title, text in re.findall(
        r"^## (\w+)\n.*?^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE
    )
}


@pytest.mark.parametrize("kind", ActionType)
def test_the_example_of_every_action_is_accepted(kube: KubeApi, kind: ActionType) -> None:
    """Under strict validation: no unknown field, every bound and rule kept; and we read it."""
    example = EXAMPLES[kind.value]
    by = Who(example["spec"]["proposedBy"], ("system:masters",))
    query = {"dryRun": "All", "fieldManager": "tests", "fieldValidation": "Strict"}
    apply = "application/apply-patch+yaml"
    answer = kube.call("PATCH", path_of(example), example, by=by, content_type=apply, query=query)
    stored = answer.ok()
    assert stored["spec"]["action"]["type"] == kind.value
    read = ActionProposalSpec.model_validate(stored["spec"])
    assert read.action == ActionProposalSpec.model_validate(example["spec"]).action


def test_the_page_has_one_example_for_each_action() -> None:
    """Nothing more, nothing twice."""
    assert list(EXAMPLES) == [kind.value for kind in ActionType]
