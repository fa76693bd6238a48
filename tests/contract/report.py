"""A pytest plugin: which actions and traps the run proved, as `make contract` writes it.

`-p tests.contract.report --contract-report build/contract.json`. Workers of pytest-xdist put the
marks of a test into its reports; the process that hears all reports counts.
"""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from assent.api.v1alpha1.actions import ActionType
from tests.contract.traps import BY_NUMBER, TRAPS

ACTION_TESTS = "tests/contract/actions/"
"""Where the test of an action type must lie for it to count."""
TOLD = "contract"
"""The name of a mark among a report's user properties, before `:action` or `:trap`."""
PASSED_OR_FAILED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)


@dataclass
class Result:
    """What one test proves if it passed."""

    actions: list[str] = field(default_factory=list)
    traps: list[str] = field(default_factory=list)
    called: bool = False
    """Its body ran to its end."""
    failed: bool = False
    """It failed, or its fixtures did, before or after."""

    @property
    def passed(self) -> bool:
        """True when it ran and nothing failed."""
        return self.called and not self.failed


Results = dict[str, Result]


def green_actions(results: Results) -> set[str]:
    """Return the action types of which at least one marked test ran, and all passed."""
    by_type: dict[str, list[bool]] = {}
    for name, result in results.items():
        for action in result.actions if name.startswith(ACTION_TESTS) else ():
            by_type.setdefault(action, []).append(result.passed)
    return {action for action, passed in by_type.items() if all(passed)}


def proved_traps(results: Results) -> set[str]:
    """Return the applying traps of which at least one marked test ran, and all passed."""
    by_trap: dict[str, list[bool]] = {}
    for result in results.values():
        for number in result.traps:
            by_trap.setdefault(number, []).append(result.passed)
    return {
        number for number, passed in by_trap.items() if BY_NUMBER[number].applies and all(passed)
    }


def summary(results: Results, *, seconds: float) -> dict[str, int | float]:
    """Return the keys that `build/contract.json` promises."""
    return {
        "actions_total": len(ActionType),
        "actions_green": len(green_actions(results)),
        "traps_total": sum(trap.applies for trap in TRAPS),
        "traps_tested": len(proved_traps(results)),
        "seconds": round(seconds, 1),
    }


def marked(item: pytest.Item) -> Iterator[tuple[str, str]]:
    """Yield `action` or `trap` with each value that the test's marks name.

    Raises:
        pytest.UsageError: a mark names nothing, or what does not exist.
    """
    known: dict[str, Iterable[str]] = {"action": set(ActionType), "trap": set(BY_NUMBER)}
    for kind, values in known.items():
        for mark in item.iter_markers(kind):
            if not mark.args or not set(mark.args) <= set(values):
                raise pytest.UsageError(f"{item.nodeid}: no such {kind}: {mark.args!r}")
            yield from ((kind, str(value)) for value in mark.args)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the two options."""
    group = parser.getgroup("contract")
    group.addoption("--contract-report", metavar="FILE", help="write actions and traps proved")
    group.addoption(
        "--contract-add", action="store_true", help="add to the run that wrote the report before"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Count in the one process that hears of all tests."""
    file = config.getoption("--contract-report")
    if file and not hasattr(config, "workerinput"):
        add = bool(config.getoption("--contract-add"))
        config.pluginmanager.register(Counting(Path(file), add=add), "contract-counting")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tell the marks with each report, also from a worker."""
    for item in items:
        item.user_properties += [(f"{TOLD}:{kind}", value) for kind, value in marked(item)]


class Counting:
    """Listens to a run and writes the report, and beside it what each test gave."""

    def __init__(self, file: Path, *, add: bool) -> None:
        self.file = file
        self.details = file.with_name(f"{file.stem}-tests.json")
        """Every marked test of the runs counted, so that another run can be added."""
        self.results: Results = {}
        self.seconds: float | None = None
        """Wall time of the run that began the report, None while that is this one."""
        self._began = time.monotonic()
        if add and self.details.exists():
            found = json.loads(self.details.read_text())
            self.seconds = found["seconds"]
            self.results = {name: Result(**test) for name, test in found["tests"].items()}
        self._earlier = set(self.results)
        # An interrupted run must not leave an older one's figures as if they were its own.
        for stale in (self.file, self.details):
            stale.unlink(missing_ok=True)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in one phase of one test."""
        told = [(kind, str(value)) for kind, value in report.user_properties]
        actions = [value for kind, value in told if kind == f"{TOLD}:action"]
        traps = [value for kind, value in told if kind == f"{TOLD}:trap"]
        if report.nodeid in self._earlier:
            self._earlier.remove(report.nodeid)
            del self.results[report.nodeid]
        if actions or traps:
            self.results.setdefault(report.nodeid, Result(actions, traps))
        result = self.results.get(report.nodeid)
        if result is not None:  # a crashed worker's report has no properties, but a name
            result.called |= report.when == "call" and report.passed
            result.failed |= report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write both files, unless the run was cut short."""
        if exitstatus not in PASSED_OR_FAILED:
            return
        if self.seconds is None:
            self.seconds = time.monotonic() - self._began
        tests = {name: asdict(self.results[name]) for name in sorted(self.results)}
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self._write(self.details, {"seconds": self.seconds, "tests": tests})
        self._write(self.file, summary(self.results, seconds=self.seconds))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say the figures, and what is missing."""
        if not self.file.exists():
            return
        found = json.loads(self.file.read_text())
        applying = {trap.number for trap in TRAPS if trap.applies}
        terminalreporter.section("contract")
        for what, missing in (
            ("actions", set(ActionType) - green_actions(self.results)),
            ("traps", applying - proved_traps(self.results)),
        ):
            good = found[f"{what}_green" if what == "actions" else f"{what}_tested"]
            names = f"; missing: {', '.join(sorted(missing))}" if missing else ""
            terminalreporter.line(f"{good} of {found[f'{what}_total']} {what}{names}")

    @staticmethod
    def _write(file: Path, content: dict[str, Any]) -> None:
        file.write_text(json.dumps(content, indent=2) + "\n")
