"""Pages say what is: links lead somewhere, commands exist, names are those of the code."""

import re
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from assent.api.admission import policies
from assent.api.meta import OPERATOR_NAMESPACE as NAMESPACE
from assent.api.meta import OPERATOR_SERVICE_ACCOUNT as ACCOUNT
from assent.api.reasons import ClusterState
from assent.api.v1alpha1.actionproposal import Phase
from assent.observability.metrics import Metrics
from sandbox.cli import parser
from tests.docs.pages import (
    HOW_TOS,
    INSTALLING,
    QUICKSTART,
    ROOT,
    RUNBOOKS,
    THROUGH_GIT,
    WORKING,
    Block,
    blocks,
    links,
    name_of,
    pages,
)

PAGES = pages()
SHELL = [block for page in PAGES for block in blocks(page) if block.is_shell]
CONSOLE = [block for page in PAGES for block in blocks(page) if block.info[:1] == ("console",)]

SAYS_ALL_IS_WELL = {ClusterState.WATCHING, ClusterState.SUSPENDED, ClusterState.HALTED}
WAKES_A_PERSON = {Phase.OUTCOME_UNKNOWN, Phase.ROLLBACK_FAILED}
BY_METRIC = {
    "GlassBroken": "assent_glass_broken_total",
    "LateCall": "assent_late_calls_total",
    "NoLeader": "assent_leading",
    "MalformedObject": "assent_malformed_objects_total",
}


def _anchor(heading: str) -> str:
    text = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return text.replace(" ", "-")


def _anchors(page: Path) -> set[str]:
    return {_anchor(line.lstrip("#")) for line in page.read_text().splitlines() if line[:1] == "#"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    """File and heading; links out of the tree are not looked at."""
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_can_be_found() -> None:
    """From README.md, by links alone."""
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links(page)]
    assert {name_of(page) for page in PAGES} - {name_of(page) for page in seen} == set()


def test_the_readme_is_short() -> None:
    """Nobody reads a long one."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_every_how_to_is_walked_by_a_test() -> None:
    """tests/integration/docs and gitops run exactly these; a new page must be put into a walk."""
    walked = {*INSTALLING, *WORKING, *THROUGH_GIT, QUICKSTART}
    wanted = {name_of(page) for page in HOW_TOS.glob("*.md")} | {"README.md", QUICKSTART}
    assert walked == wanted


@pytest.mark.parametrize("block", [block for block in SHELL if block.is_run], ids=lambda b: b.where)
def test_what_is_marked_to_be_run_is_run(block: Block) -> None:
    """On other pages nobody runs it, so it would be a claim without proof."""
    assert block.page in {*INSTALLING, *WORKING, *THROUGH_GIT, QUICKSTART}


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.where)
def test_every_block_is_a_script(block: Block) -> None:
    """Syntax only; placeholders in capitals are words."""
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _make(words: list[str]) -> str | None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    return None if words[1] in targets else f"no make target {words[1]}"


def _value_exists(path: str) -> bool:
    found = yaml.safe_load((ROOT / "helm/assent/values.yaml").read_text())
    for part in path.split("."):
        if not isinstance(found, dict) or part not in found:
            return False
        found = found[part]
    return True


def _helm(words: list[str]) -> str | None:
    for flag, value in pairwise(words):
        if flag == "--set" and not _value_exists(value.partition("=")[0]):
            return f"no helm value {value}"
    return None


def _files(words: list[str]) -> str | None:
    for flag, value in pairwise(words):
        if flag in ("-f", "-k") and value != "-" and not (ROOT / value).exists():
            return f"no file {value}"
    return None


def _python(words: list[str]) -> str | None:
    assert words[1:3] == ["-m", "sandbox"], words
    arguments = words[3 : words.index(">")] if ">" in words else words[3:]
    parser().parse_args(arguments)  # exits, and so fails the test, where it is not understood
    return None


def _nothing(words: list[str]) -> str | None:
    return None


PROGRAMS: dict[str, Callable[[list[str]], str | None]] = {
    "make": _make,
    "helm": _helm,
    "kubectl": _files,
    "docker": _files,
    "python": _python,
    "curl": _nothing,
    "cp": _nothing,
    "install": _nothing,
    "git": _nothing,
    "export": _nothing,
    "grep": _nothing,
    "sed": _nothing,
}


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.where)
def test_every_command_exists(block: Block) -> None:
    """Make targets, chart values, files and the sandbox's own commands, also where none is run."""
    problems = [
        problem for words in block.commands() if (problem := PROGRAMS[words[0]](words)) is not None
    ]
    assert problems == []


@pytest.mark.parametrize("block", CONSOLE, ids=lambda block: block.where)
def test_a_shown_output_holds_no_command(block: Block) -> None:
    """A command in it would look as if it had been run."""
    assert not re.search(r"^\$ ", block.text, re.MULTILINE)


def test_runbooks_and_what_wakes_a_person_are_the_same() -> None:
    """Each troubled state, phase and metric has its page, and no page is about nothing."""
    wanted = {
        *(state.value for state in ClusterState if state not in SAYS_ALL_IS_WELL),
        *(phase.value for phase in WAKES_A_PERSON),
        *BY_METRIC,
    }
    assert {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"} == wanted


@pytest.mark.parametrize("name", BY_METRIC)
def test_a_runbook_by_metric_names_its_metric(name: str) -> None:
    """So that whoever meets the alert finds the page by searching."""
    assert BY_METRIC[name] in (RUNBOOKS / f"{name}.md").read_text()


RUNBOOK_PARTS = ("**Meaning.**", "**Impact.**", "## Look at", "## Do", "**Escalate**")


@pytest.mark.parametrize(
    "page", sorted(RUNBOOKS.glob("[A-Z]*[a-z].md")), ids=lambda page: page.stem
)
def test_a_runbook_has_its_parts(page: Path) -> None:
    """At night nobody looks for where things stand."""
    text = page.read_text()
    assert [part for part in RUNBOOK_PARTS if part not in text] == []


ADR_PARTS = ("**Context.**", "**Decision.**", "**Consequences.**", "**Rejected.**")
ADRS = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))


@pytest.mark.parametrize("page", ADRS, ids=lambda page: page.stem)
def test_a_decision_has_its_parts_and_number(page: Path) -> None:
    """A record without what was rejected invites the same discussion again."""
    text = page.read_text()
    assert text.startswith(f"# {page.stem[:4]} ")
    assert [part for part in ADR_PARTS if part not in text] == []


def test_decisions_are_numbered_without_gaps() -> None:
    """A number is never used twice, nor left out."""
    assert [page.stem[:4] for page in ADRS] == [f"{n:04}" for n in range(1, len(ADRS) + 1)]


def _all_prose() -> str:
    return "\n".join(page.read_text() for page in PAGES)


def test_named_tests_exist() -> None:
    """The threat model and the failure modes stand on them."""
    known = {
        name
        for path in (ROOT / "tests").rglob("*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert set(re.findall(r"`(test_\w+)`", _all_prose())) - known == set()


def test_named_metrics_exist() -> None:
    """Alert expressions over a name that nobody exports never fire."""
    families = [family for family in Metrics().registry.collect()]
    known = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    assert set(re.findall(r"\bassent_[a-z_]+\b", _all_prose())) - known == set()


def test_named_policies_exist() -> None:
    """By the names under which they are installed."""
    shipped = {
        item["metadata"]["name"] for item in policies(namespace=NAMESPACE, service_account=ACCOUNT)
    }
    named = set(
        re.findall(
            r"`(assent-(?:approvals|journal|configure|lease|[a-z]+-(?:fence|writer|in-use)))`",
            _all_prose(),
        )
    )
    assert named <= shipped
    assert len(named) == len(shipped)


def test_named_roles_exist() -> None:
    """Whoever binds a role that is not there binds nothing."""
    documents = yaml.safe_load_all((ROOT / "deploy/rbac/people.yaml").read_text())
    known = {item["metadata"]["name"] for item in documents}
    named = set(re.findall(r"--clusterrole=(assent-[a-z-]+)", _all_prose()))
    assert named
    assert named <= known


def test_the_table_of_values_names_values() -> None:
    """The how-to's own selection of the chart's values."""
    text = (HOW_TOS / "install-with-helm.md").read_text().partition("## Values")[2]
    cells = re.findall(r"^\| (`[^|]+) \|", text.partition("\n## ")[0], re.MULTILINE)
    named = re.findall(r"`([^`]+)`", " ".join(cells))
    assert named
    assert [name for name in named if not _value_exists(name)] == []
