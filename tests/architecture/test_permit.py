"""Only the fence makes permits, and nothing waits between the fence and the request."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "operator" / "assent"
FENCE = PACKAGE / "execution" / "fencing.py"
MAKER = "permit_call"
SOURCES = sorted(PACKAGE.rglob("*.py"))


def named(node: ast.expr) -> str:
    """Return the last name of a dotted expression, empty for anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def constructions(source: str) -> list[int]:
    """Return the lines that make a Permit: calls, copies with changes, and ways around both."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = named(node.func)
        arguments = [named(argument) for argument in node.args]
        around = called in ("__new__", "replace", "partial", "cast", "map") and (
            "Permit" in arguments or "permit" in arguments
        )
        if called == "Permit" or around:
            lines.append(node.lineno)
    return lines


def aliases(source: str) -> list[int]:
    """Return the lines that give the class another name."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            lines += [
                node.lineno
                for alias in node.names
                if alias.name == "Permit" and alias.asname not in (None, "Permit")
            ]
        if isinstance(node, ast.Assign) and named(node.value) == "Permit":
            lines.append(node.lineno)
    return lines


def waits_after_the_fence(source: str) -> list[int]:
    """Return the lines of first awaits after ``permit_call`` that are not given its permit."""
    tree = ast.parse(source)
    bad: list[int] = []
    for function in ast.walk(tree):
        if isinstance(function, ast.AsyncFunctionDef):
            bad += _waits(function)
    return bad


def _waits(function: ast.AsyncFunctionDef) -> Iterator[int]:
    permits = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and named(node.value.func) == MAKER
    ]
    for permit in permits:
        names = {named(target) for target in permit.targets}
        later = sorted(
            (
                node
                for node in ast.walk(function)
                if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith)
                and node.lineno > permit.lineno
            ),
            key=lambda node: (node.lineno, node.col_offset),
        )
        if not later:
            continue
        first = later[0]
        call = first.value if isinstance(first, ast.Await) else None
        given = (
            {named(item) for item in (*call.args, *(word.value for word in call.keywords))}
            if isinstance(call, ast.Call)
            else set()
        )
        if not names & given:
            yield first.lineno


def test_nobody_but_the_fence_makes_a_permit() -> None:
    """A permit made elsewhere would be a call to PD that no lease deadline bounds."""
    for path in SOURCES:
        source = path.read_text()
        assert aliases(source) == [], path
        assert path == FENCE or constructions(source) == [], path


def test_the_fence_makes_it_in_one_place() -> None:
    """One place to review; and the check above would notice if it moved."""
    assert len(constructions(FENCE.read_text())) == 1


def test_nothing_waits_between_the_fence_and_its_request() -> None:
    """The first await after the check is the one that gets the permit."""
    for path in SOURCES:
        assert waits_after_the_fence(path.read_text()) == [], path


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("Permit(epoch=1)", id="a plain call"),
        pytest.param("call.Permit(1, 2.0, 3.0)", id="through its module"),
        pytest.param("dataclasses.replace(permit, epoch=9)", id="a copy with another epoch"),
        pytest.param("object.__new__(Permit)", id="around its constructor"),
        pytest.param("functools.partial(Permit, 1)", id="for later"),
    ],
)
def test_the_check_knows_ways_to_make_one(source: str) -> None:
    """A check that never fails proves nothing."""
    assert constructions(source) != []


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("from m import Permit as Leave", id="renamed at import"),
        pytest.param("Leave = Permit", id="renamed by assignment"),
    ],
)
def test_the_check_knows_other_names(source: str) -> None:
    """Under another name a construction would not be recognised."""
    assert aliases(source) != []


@pytest.mark.parametrize(
    ("body", "waits"),
    [
        pytest.param("await send(client, call, permit)", False, id="straight to the request"),
        pytest.param("await send(client, permit=permit)", False, id="given by keyword"),
        pytest.param("await read()\n await send(client, permit)", True, id="a read between"),
        pytest.param("async with lock:\n  await send(permit)", True, id="a lock between"),
        pytest.param("await asyncio.sleep(0)\n await send(permit)", True, id="a yield between"),
    ],
)
def test_the_check_knows_a_wait_when_it_sees_one(body: str, *, waits: bool) -> None:
    """What is found is the wait, not the request itself."""
    source = f"async def f():\n permit = permit_call(term)\n {body}\n"
    assert bool(waits_after_the_fence(source)) is waits
