"""The composition root: wired as the shell expects, and honest about what it cannot do."""

import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from assent.app import App, main, steady_seconds
from assent.controllers.leader import RETEST
from assent.errors import LeadershipLost
from assent.execution.terms import Term
from assent.kube.admission import shipped_policies
from assent.kube.errors import Fenced
from assent.kube.resources import KINDS
from tests.support.fake_kube import FakeKube, fake_kube, refusal
from tests.unit.execution.rig import settings_for

NS = "tikv"
NAMED = {"uid": "1", "resourceVersion": "7"}
CLUSTER = {
    "metadata": {"name": "demo", "namespace": NS},
    "spec": {"pd": {"endpoints": ["http://127.0.0.1:1"]}},
    "status": {"epoch": 41},
}


@pytest.fixture
async def server() -> AsyncIterator[FakeKube]:
    """An API server."""
    async with fake_kube() as made:
        yield made


@pytest.fixture
async def app(server: FakeKube, tmp_path: Path) -> AsyncIterator[App]:
    """An operator that was made and does not run."""
    made = App(replace(settings_for(tmp_path), api_server=server.url))
    yield made
    await made._kube.aclose()


async def test_events_of_the_watch_reach_the_cache(app: App, server: FakeKube) -> None:
    """Added, changed, deleted; kopf gives no type for what it lists."""
    raw = server.put(KINDS.cluster, CLUSTER)
    app._observe(KINDS.cluster, None, raw)
    assert len(app._world.clusters) == 1
    app._observe(KINDS.cluster, "DELETED", raw)
    assert not app._world.clusters


async def test_a_malformed_object_is_one_log_line_and_one_count(
    app: App, server: FakeKube, caplog: pytest.LogCaptureFixture
) -> None:
    """Named, with the field; nothing of its content."""
    raw = server.put(KINDS.cluster, {**CLUSTER, "status": {"conditions": "none"}})
    with caplog.at_level(logging.ERROR):
        app._observe(KINDS.cluster, "ADDED", raw)
    (record,) = caplog.records
    assert "status.conditions" in record.__dict__["detail"]
    value = app._metrics.registry.get_sample_value(
        "assent_malformed_objects_total", {"kind": KINDS.cluster}
    )
    assert value == 1


async def test_without_a_term_a_refusal_by_the_fence_means_leadership_is_lost(app: App) -> None:
    """There is nothing to wait for."""
    assert isinstance(app._judge_refusal(Fenced("fenced")), LeadershipLost)


async def test_a_term_that_is_lost_says_why(
    app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever reads the log must not meet "1 sub-exception": the words are in the innermost."""

    async def refused(_: Term) -> None:
        inner = ExceptionGroup("workers", [LeadershipLost("fenced: caller pod does not hold it")])
        raise ExceptionGroup("the leader's tasks", [inner])

    monkeypatch.setattr(app._leader, "lead", refused)
    term = Term(
        epoch=1,
        holder="me",
        began_monotonic_seconds=0.0,
        deadline_monotonic_seconds=1.0,
        released_epoch=None,
    )
    await app._lead(term)
    assert caplog.records[-1].__dict__["detail"] == "fenced: caller pod does not hold it"


async def test_a_gate_that_cannot_be_read_does_not_stand(app: App, server: FakeKube) -> None:
    """No right to list policies: said as what is wrong with the gate."""
    server.order(
        "GET",
        "validatingadmissionpolic",
        lambda: refusal(403, "Forbidden", "cannot list"),
        times=2,
    )
    gate = await app._check_gate()
    assert "cannot be tested" in (gate.problem or "")


async def test_a_policy_that_was_gone_for_a_moment_opened_the_gate(app: App) -> None:
    """The watch tells of it; the next test may find it as shipped."""
    (policy, *_) = shipped_policies("assent-system", "assent")
    app._observe(KINDS.policy, "ADDED", {**policy, "metadata": {**NAMED, **policy["metadata"]}})
    assert app._leader.gate == RETEST
    app._observe(KINDS.policy, "DELETED", {**policy, "metadata": {**NAMED, **policy["metadata"]}})
    assert app._leader.gate.opening == f"{KINDS.policy} assent-approvals is not installed"


def test_the_clock_of_the_lease_goes_on_while_the_machine_sleeps() -> None:
    """On Linux that is CLOCK_BOOTTIME; the fence is asked by it, right before each call."""
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= steady_seconds() <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_settings_that_do_not_fit_end_the_process_with_a_sentence_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is opened, in words for whoever wrote the Deployment."""
    monkeypatch.setattr("os.environ", {"ASSENT_LOG_LEVEL": "LOUD"})
    assert main() == 2
    said = capsys.readouterr().err
    assert "POD_NAME must be set" in said
    assert "ASSENT_LOG_LEVEL" in said


def test_a_lease_in_which_no_call_fits_ends_the_process_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Else it would lead, and hold every approved call for ever."""
    token = tmp_path / "token"
    token.write_text("t")
    environment = {
        "ASSENT_API_SERVER": "https://127.0.0.1:1",
        "ASSENT_CA_FILE": str(tmp_path / "ca.crt"),
        "ASSENT_TOKEN_FILE": str(token),
        "POD_NAME": "assent-0",
        "ASSENT_LEASE_DURATION_SECONDS": "5",
        "ASSENT_RENEW_DEADLINE_SECONDS": "4",
        "ASSENT_RETRY_PERIOD_SECONDS": "0.5",
    }
    monkeypatch.setattr("os.environ", environment)
    assert main() == 2
    assert "ASSENT_RENEW_DEADLINE_SECONDS must be at least 5.5" in capsys.readouterr().err
