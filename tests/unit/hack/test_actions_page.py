"""The page of actions: what it takes from the code is all there and cannot go stale."""

from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest

from assent.api.v1alpha1.actions import ActionType
from assent.core.actions import checks
from assent.core.actions.action import Action
from assent.core.actions.catalogue import CATALOGUE
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Check
from hack.actions import action_samples, actions_page, example
from hack.checks import check_names


@cache
def page() -> str:
    """Made when the first test asks: every worker reads this file, and one runs it."""
    return actions_page()


@cache
def sections() -> dict[str, str]:
    return dict(part.split("\n", 1) for part in page().split("\n## ")[1:])


@pytest.mark.parametrize("kind", ActionType)
def test_a_section_says_all_there_is_to_say(kind: ActionType) -> None:
    """Whoever decides or writes one need look nowhere else."""
    found, section = CATALOGUE[kind], sections()[kind.value]
    for row in (
        "Tier",
        "May approve it",
        "Can be taken back",
        "Sent twice",
        "Must show within",
        "Checks before",
        "PD does not check",
        "PD call",
        "By hand",
    ):
        assert f"| {row} | " in section, row
    assert found.manual.endpoint in section
    assert f"resourceName `{kind.value}`" in section
    assert all(f"`{name}`" in section for name in check_names(found))
    assert all(cause in section for cause in found.manual.unchecked_by_pd)
    assert f"    type: {kind.value}\n" in section


def test_the_overview_links_every_action() -> None:
    """In the order of the union."""
    links = [line.split("]")[0] for line in page().splitlines() if line.startswith("| [")]
    assert links == [f"| [{kind.value}" for kind in ActionType]


def test_samples_and_page_show_the_same() -> None:
    """One example each, written once."""
    samples = action_samples()
    for kind, found in CATALOGUE.items():
        assert example(found)["spec"]["action"]["type"] == kind.value
        assert f"name: {example(found)['metadata']['name']}\n" in samples


def test_no_line_of_the_page_names_a_machine() -> None:
    """Generated from code that runs anywhere."""
    assert "/work" not in page()
    assert "127.0.0.1" not in page()


class _Odd:
    """Preconditions as nobody writes them yet."""

    def preconditions(self, params: Any, snapshot: ClusterSnapshot) -> list[Check]:
        name, message = "First", "x"
        found = [Check(name, Allow(message)), checks.prepared()]
        return [*found, *(Check(f"Part{number}", Allow()) for number in (1, 2)), *self.more()]

    def more(self) -> list[Check]:
        return [Check("Last", Allow())]


class _Nameless:
    def preconditions(self, params: Any, snapshot: ClusterSnapshot) -> list[Check]:
        return [Check(str(params), Allow())]


def _of_actions(kind: type) -> Any:
    for one in vars(kind).values():
        if hasattr(one, "__module__") and callable(one):
            one.__module__ = "assent.core.actions.odd"
    return kind()


def test_names_are_found_wherever_they_are_written() -> None:
    """Variables, parts of names, other modules, other methods: in the order of the code."""
    odd: Action[Any] = _of_actions(_Odd)
    assert check_names(odd) == ["First", "Prepared", "Part*", "Last"]


def test_a_name_that_cannot_be_found_is_an_error() -> None:
    """Rather than a page without it."""
    with pytest.raises(ValueError, match="no literal"):
        check_names(_of_actions(_Nameless))


@pytest.mark.parametrize("kind", [kind for kind in ActionType if kind is not ActionType.PLAN])
def test_every_name_begins_with_a_capital(kind: ActionType) -> None:
    """They are shown as gates."""
    for name in check_names(CATALOGUE[kind]):
        assert fnmatchcase(name, "[A-Z*]*")
        assert "`" not in name
