"""The people of the pages are to be had on a sandbox: `sandbox/manifests/people.yaml`."""

from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import HOW_TOS, ROOT, blocks
from tests.integration.operator.scene import ROLES

PAGES = sorted(HOW_TOS.glob("*.md"))


def _bound() -> dict[str, set[str]]:
    bound = defaultdict(set)
    for binding in yaml.safe_load_all((ROOT / "sandbox/manifests/people.yaml").read_text()):
        for subject in binding["subjects"]:
            bound[subject["name"]].add(binding["roleRef"]["name"])
    return bound


@pytest.mark.parametrize("person", ROLES)
def test_whom_the_walks_know_the_reader_has_too(person: str) -> None:
    """With the same roles, so that a page does for the reader what it does for the tests."""
    assert _bound()[person] >= set(ROLES[person])


def test_nobody_else_decides() -> None:
    """Gwen is for the broken glass: an approver, and the role that stands in for others."""
    others = {person: roles for person, roles in _bound().items() if person not in ROLES}
    assert set(others) == {"gwen"}
    assert "assent-glass-breaker" in others["gwen"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_whoever_types_in_a_page_is_among_them(page: Path) -> None:
    """A name that nobody has leaves the reader with `Forbidden`."""
    people = {block.person for block in blocks(page) if block.person}
    assert people <= set(_bound())


def test_every_role_that_is_bound_is_shipped() -> None:
    """A binding to no role is accepted by the API server, and gives nothing."""
    shipped = {
        role["metadata"]["name"]
        for role in yaml.safe_load_all((ROOT / "deploy/rbac/people.yaml").read_text())
    }
    assert set().union(*_bound().values()) <= shipped
