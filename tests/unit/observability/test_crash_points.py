"""The points are named, cheap, and cannot be armed by anything that is shipped."""

import ast
import dis
import inspect
import os
import subprocess
import sys
import timeit
from pathlib import Path

import pytest

from assent.observability import crash_points
from assent.observability.crash_points import Point, reached

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "operator" / "assent"
MODULE = PACKAGE / "observability" / "crash_points.py"
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path != MODULE)
FUNCTIONS = ("reached", "storing", "stored")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_point_does_nothing(name: str) -> None:
    """As shipped the function's whole code is to return None."""
    code = [step.opname for step in dis.get_instructions(getattr(crash_points, name))]
    assert [name for name in code if name not in ("RESUME", "NOP")] in (
        ["LOAD_CONST", "RETURN_VALUE"],
        ["RETURN_CONST"],
    )


def test_a_point_costs_less_than_a_microsecond() -> None:
    """The best of many rounds, for a busy machine makes some of them slow; a call to PD takes
    a thousand times as long.
    """
    rounds = timeit.repeat(lambda: reached(Point.FENCED), number=1000, repeat=50)
    assert min(rounds) / 1000 < 1e-6


def test_there_are_enough_points_with_a_sentence_each() -> None:
    """Issue 5 asks for 20; two points with one sentence would be one point to the enum."""
    assert len(Point) >= 50
    assert len(Point) == len(Point.__members__)
    assert all(point.value.endswith(".") and len(point.value) > 20 for point in Point)


def test_the_module_looks_at_nothing() -> None:
    """Neither environment nor files nor arguments: there is no switch to leave on."""
    tree = ast.parse(MODULE.read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} | {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    assert imported == {
        "enum",
        "assent.core.lifecycle.decision",
        "assent.core.model.resource",
    }
    assert not any(isinstance(node, ast.If | ast.Global) for node in ast.walk(tree))


def arms(target: ast.expr) -> bool:
    """Return True when assigning to it puts another function in the place of one of the three."""
    if isinstance(target, ast.Attribute):
        return target.attr in FUNCTIONS
    return ast.unparse(target) == "reached"


def armings(source: str) -> list[int]:
    """Return the lines that put something else in the place of the three functions, by any of the
    usual ways.
    """
    if "crash_points" not in source:
        return []
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(arms(target) for target in targets):
                lines.append(node.lineno)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "setattr",
            "vars",
            "globals",
        ):
            lines.append(node.lineno)
    return lines


def test_nothing_shipped_arms_a_point() -> None:
    """Nor names the entry point of the tests that does."""
    sources = {str(path.relative_to(PACKAGE)): path.read_text() for path in SOURCES}
    assert {name: lines for name, text in sources.items() if (lines := armings(text))} == {}
    assert [name for name, text in sources.items() if "armed.py" in text] == []


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("crash_points.reached = kill", id="by assignment"),
        pytest.param("from m import crash_points\nsetattr(crash_points, name, kill)", id="setattr"),
        pytest.param("import crash_points\nreached = kill", id="in the module that passes it"),
    ],
)
def test_the_check_knows_an_arming_when_it_sees_one(source: str) -> None:
    """A check that never fails proves nothing."""
    assert armings(source) != []


def test_a_point_is_passed_in_the_open() -> None:
    """Each is named by a literal, so that the page can say where it is passed, and none is the
    condition of anything.
    """
    odd = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "reached":
                [argument] = node.args
                plain = [argument]
                if isinstance(argument, ast.IfExp):
                    plain = [argument.body, argument.orelse]
                odd += [
                    f"{path.name}:{node.lineno}"
                    for item in plain
                    if not ast.unparse(item).startswith("Point.")
                ]
    assert odd == []


def test_the_shipped_program_stays_unarmed_whatever_the_environment_says() -> None:
    """With the tests' own variable, and everything that looks like a switch, in its environment."""
    script = (
        "import assent.app, inspect, sys\n"
        "from assent.observability import crash_points\n"
        "modules = [m for n, m in sys.modules.items() if n.startswith('assent.')]\n"
        "bound = {m.reached for m in modules if hasattr(m, 'reached')}\n"
        "assert bound == {crash_points.reached}, bound\n"
        "assert inspect.getfile(crash_points.reached) == crash_points.__file__\n"
        "assert len([m for m in modules if hasattr(m, 'reached')]) > 8\n"
        "assert not [n for n in sys.modules if n.startswith('tests')]\n"
    )
    switches = {
        "CRASH_FOLDER": "/tmp",
        "ASSENT_CRASH_POINT": "FENCED",
        "ASSENT_CRASH_POINTS": "1",
        "ASSENT_DEBUG": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **switches, "PYTHONPATH": str(ROOT / "operator")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_what_is_shipped_is_the_package_alone() -> None:
    """The entry point that arms lies in tests, which neither the wheel nor the image holds."""
    assert inspect.getfile(crash_points).startswith(str(PACKAGE))
    assert 'packages = ["operator/assent"]' in (ROOT / "pyproject.toml").read_text()
    copied = [
        line
        for line in (ROOT / "deploy" / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY")
    ]
    assert copied
    assert not [line for line in copied if "tests" in line or line.split()[1] == "."]


WRITERS = ("write", "create", "patch", "exchange", "send")
PASSING = ("reached", "crash_points.storing", "crash_points.stored")
INSIDE = {
    "kube/leases.py:create": "execution/leadership.py:_try_once",
    "kube/leases.py:write": "execution/leadership.py:_try_once",
    "kube/status.py:write": "execution/journal.py:store and controllers/clusters.py:_say",
    "kube/events.py:_send": "kube/events.py:_handle",
    "kube/events.py:_create": "kube/events.py:_handle",
    "kube/admission.py:_try": "nothing: a dry run, which stores nothing",
    "execution/flight.py:carry_on": "execution/caller.py:call",
    "pd/client.py:_read": "nothing: a read; a whole look has points in controllers/watcher.py",
}
"""Where a request is sent without points of its own: who passes them, around it."""


def sendings() -> dict[str, int]:
    """Return each function that sends a request which may change something, with how many points
    it passes.
    """
    found: dict[str, int] = {}
    for path in SOURCES:
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.AsyncFunctionDef):
                continue
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            awaited = {id(node.value) for node in ast.walk(function) if isinstance(node, ast.Await)}
            sends = [
                call
                for call in calls
                if id(call) in awaited and ast.unparse(call.func).rsplit(".", 1)[-1] in WRITERS
            ]
            if sends:
                passed = sum(ast.unparse(call.func) in PASSING for call in calls)
                found[f"{path.relative_to(PACKAGE)}:{function.name}"] = passed
    return found


def test_every_write_lies_between_two_points() -> None:
    """A new call to the API server or to PD without points would never be crashed beside."""
    found = sendings()
    assert {name for name, passed in found.items() if passed < 2} == set(INSIDE)
    assert len(found) > len(INSIDE) + 5
