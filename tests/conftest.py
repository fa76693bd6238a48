"""Fixtures of every folder: a real control plane, PD and simulated stores, for who asks for them.

One sandbox serves all tests of a pytest-xdist worker, so tests must not depend on what else is in
it: use the fixture `namespace`, and `box`, which mends afterwards what the test broke.
"""

import itertools
import os
import re
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from sandbox import Sandbox
from sandbox.ports import HIGHEST, LOWEST, RANGE
from sandbox.supervisor import OWNER
from tests.contract.traps import named
from tests.integration.mending import FAILED, mend, mend_operators
from tests.support.examples import MANY

# Kubernetes allows 63 characters in a name.
LONGEST_STEM = 40
# No two namespaces of a sandbox have the same name.
NUMBERS = itertools.count(1)
# Started in the background of a shell, a run ignores Ctrl-C, and so would all that it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# What `up` detaches in a test ends with the test run, also one that is interrupted.
os.environ[OWNER] = str(os.getpid())
# Workers start their servers at the same moment: none may take a port that another has just found.
if (worker := os.environ.get("PYTEST_XDIST_WORKER")) is not None:
    share = (HIGHEST + 1 - LOWEST) // 8
    first = LOWEST + int(worker.removeprefix("gw")) % 8 * share
    os.environ[RANGE] = f"{first}-{first + share - 1}"
# A test run starts a dozen API servers and PDs: they collect garbage half as often as by default.
os.environ.setdefault("GOGC", "200")
# The same examples in every run, however slow the machine; others where many are asked for.
settings.register_profile(
    "assent",
    deadline=None,
    derandomize=not os.environ.get(MANY),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("assent")
UNIT = Path(__file__).parent / "unit"
COVERING = tuple(f"{UNIT / folder}{os.sep}" for folder in ("api", "core"))
ON_OPERATORS = f"{Path(__file__).parent / 'integration/operator'}{os.sep}"
CALM = {"patrol-region-interval": "100ms"}
"""PD looks at every region 100 times a second by default, which is half of what an idle sandbox
costs; several stand idle most of a test run."""


@pytest.hookimpl(tryfirst=True)  # before pytest deselects by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Coverage is that of the unit tests of what is covered: tracing the others doubles what they
    cost the machine.

    What `make test` does on a worker's sandbox is left to two of the workers: each sandbox more
    costs a tenth of the run. `make contract` has enough of it for all.

    A test named after a trap is marked with it.
    """
    for item in items:
        for trap in named(item.name):
            item.add_marker(pytest.mark.trap(trap))
        if not str(item.path).startswith(COVERING):
            item.add_marker("no_cover")
        if "session_box" in getattr(item, "fixturenames", ()) and _is_in_make_test(item):
            busy = str(item.path).startswith(ON_OPERATORS)
            item.add_marker(pytest.mark.xdist_group("box-of-operators" if busy else "box"))


def _is_in_make_test(item: pytest.Item) -> bool:
    return (
        item.get_closest_marker("contract") is None or item.get_closest_marker("smoke") is not None
    )


@pytest.fixture(scope="session")
def session_box() -> Iterator[Sandbox]:
    """The worker's sandbox: bare, 4 stores, 300 regions, one PD member."""
    with Sandbox.start(stores=4, regions=300, pd_schedule=CALM) as box:
        yield box


@pytest.fixture
def box(session_box: Sandbox) -> Iterator[Sandbox]:
    """The worker's sandbox without operators; what the test starts or breaks is mended after it."""
    mend_operators(session_box)
    yield session_box
    mend(session_box)


@pytest.fixture
def namespace(box: Sandbox, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own; Assent's objects in it are gone after the test."""
    stem = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:LONGEST_STEM]
    name = box.create_namespace(f"{stem.rstrip('-')}-{next(NUMBERS)}")
    yield name
    box.delete_namespace(name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of every log beside a failure."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    box = getattr(item, "funcargs", {}).get("session_box")
    if report.failed and isinstance(box, Sandbox):
        report.sections.append(("sandbox logs", box.tails()))
    return report
