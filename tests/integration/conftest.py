"""Fixtures of all integration tests: a real control plane, PD and simulated stores.

One sandbox serves all tests of a pytest-xdist worker, so tests must not depend on what else is in
it: use the fixture `namespace`, and `box`, which mends afterwards what the test broke.
"""

import contextlib
import itertools
import re
from collections.abc import Generator, Iterator

import pytest

from sandbox import Sandbox
from sandbox.objects import ObjectError, Query

# Kubernetes allows 63 characters in a name.
LONGEST_STEM = 40
LASTING_FAULTS = ("hang", "slow", "fill", "heat")
# No two namespaces of a sandbox have the same name.
NUMBERS = itertools.count(1)
EVICTION = "evict-leader-scheduler"


@pytest.fixture(scope="session")
def session_box() -> Iterator[Sandbox]:
    """The worker's sandbox: bare, 4 stores, 300 regions, one PD member."""
    with Sandbox.start(stores=4, regions=300) as box:
        yield box


@pytest.fixture
def box(session_box: Sandbox) -> Iterator[Sandbox]:
    """The worker's sandbox; operators, faults and evictions of the test are ended after it."""
    yield session_box
    mend(session_box)


@pytest.fixture
def namespace(box: Sandbox, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own; Assent's objects in it are gone after the test."""
    stem = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:LONGEST_STEM]
    name = box.create_namespace(f"{stem.rstrip('-')}-{next(NUMBERS)}")
    yield name
    box.delete_namespace(name)


def mend(box: Sandbox) -> None:
    """Bring a sandbox back to where it was: all processes run, all stores up, nothing evicted."""
    for number in box.running_operators():
        box.operator(number).stop()
    release_lease(box)
    box.faults.clear()
    for store in box.tikvsim.stores().values():
        if store["state"] == "stopped":
            box.tikvsim.store(store["id"], "start")
        for fault in LASTING_FAULTS:
            box.tikvsim.store(store["id"], fault, off=True)
    if EVICTION in box.pd.schedulers():
        box.pd.delete(f"/schedulers/{EVICTION}")


def release_lease(box: Sandbox) -> None:
    """Free the Lease of operators that were killed, so that the next need not wait for its end."""
    lease = Query("leases", "assent", "assent-system")
    with contextlib.suppress(ObjectError):  # 404: nobody has ever led here
        if box.objects.get(lease)["spec"].get("holderIdentity"):
            box.objects.patch(lease, {"spec": {"holderIdentity": ""}})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of every log beside a failure."""
    report = yield
    box = getattr(item, "funcargs", {}).get("session_box")
    if report.failed and isinstance(box, Sandbox):
        report.sections.append(("sandbox logs", box.tails()))
    return report
