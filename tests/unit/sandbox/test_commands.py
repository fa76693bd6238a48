"""What each command of `python -m sandbox` does to a sandbox that runs, and what it prints."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from sandbox.cli import LASTING_FAULTS, main
from sandbox.layout import Layout
from tests.unit.sandbox.fake_api import FakeApi, serving
from tests.unit.sandbox.fake_supervisor import FakeSupervisor, state_of, supervising

STORE = {"id": 2, "state": "stopped", "leader_count": 0}


@pytest.fixture
def stores() -> Iterator[FakeApi]:
    table: dict[str, list[tuple[int, object]]] = {
        f"POST /stores/2/{fault}": [(200, STORE)] for fault in ("stop", *LASTING_FAULTS)
    }
    table["POST /stores/9/stop"] = [(404, {"error": "not found"})]
    table["POST /stores/3/start"] = [(400, {"error": "it is a tombstone"})]
    with serving(FakeApi(table)) as api:
        yield api


@pytest.fixture
def supervisor(tmp_path: Path, stores: FakeApi) -> Iterator[FakeSupervisor]:
    fake = FakeSupervisor(Layout(tmp_path / "box"), state_of(stores.url))
    with supervising(fake):
        yield fake


@pytest.fixture
def run(supervisor: FakeSupervisor) -> Callable[[str], int]:
    """One command line on that sandbox: its exit code."""
    return lambda line: main(["--dir", str(supervisor.layout.root), *line.split()])


Run = Callable[[str], int]


def test_status_shows_every_process(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that have ended, too: they are why something does not work."""
    assert run("status") == 0
    said = capsys.readouterr().out
    assert "etcd" in said
    assert "ended (SIGKILL)" in said
    assert "operator-2" in said


def test_env_can_be_exported(
    run: Run, supervisor: FakeSupervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    """`export $(python -m sandbox env)`: NAME=value, no spaces, nothing else."""
    assert run("env") == 0
    lines = capsys.readouterr().out.splitlines()
    told = dict(line.split("=", 1) for line in lines)
    assert told["KUBECONFIG"] == str(supervisor.layout.kubeconfig)
    assert all(" " not in line for line in lines)


def test_env_warns_where_a_plain_export_would_cut_a_path(
    tmp_path: Path, stores: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside the lines, on the other stream: scripts read on, people see it."""
    fake = FakeSupervisor(Layout(tmp_path / "my box"), state_of(stores.url))
    with supervising(fake):
        assert main(["--dir", str(fake.layout.root), "env"]) == 0
    said = capsys.readouterr()
    assert f"KUBECONFIG={fake.layout.kubeconfig}\n" in said.out
    assert "IFS=$'\\n'; export $(" in said.err


def test_a_reader_who_leaves_early_is_no_failure(
    run: Run, supervisor: FakeSupervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`logs pd-0 | head -1`: no traceback after what was asked for."""
    supervisor.layout.log("pd-0").write_text("line\n" * 1000)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        monkeypatch.setattr(sys, "stdout", gone)
        assert run("logs pd-0") == 0


def test_a_log_is_shown_by_the_name_that_status_shows(
    run: Run, supervisor: FakeSupervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its end; the rest is in the file."""
    supervisor.layout.log("pd-0").write_text("".join(f"line {n}\n" for n in range(2000)))
    assert run("logs pd-0") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "line 1999"
    assert len(lines) == 1000


def test_an_unknown_log_is_answered_with_the_known_ones(
    run: Run, supervisor: FakeSupervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    """A typing error costs one look, not a search."""
    supervisor.layout.log("etcd").touch()
    supervisor.layout.log("pd-0").touch()
    assert run("logs pd-7") == 1
    assert "There is no log 'pd-7'; there are: etcd, pd-0." in capsys.readouterr().err


def test_a_user_is_a_kubeconfig(
    run: Run, supervisor: FakeSupervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    """To be put into a file: nothing but the YAML."""
    assert run("user alice --group sre") == 0
    document = yaml.safe_load(capsys.readouterr().out)
    assert document["clusters"][0]["cluster"]["server"] == supervisor.state["apiserver"]
    assert document["users"][0]["name"] == "alice"


def test_a_fault_is_ordered_and_the_store_shown(
    run: Run, stores: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it is like afterwards, in one line."""
    assert run("store stop 2") == 0
    assert stores.asked == [("POST /stores/2/stop", {})]
    assert capsys.readouterr().out == "store 2: id=2 state=stopped leader_count=0\n"


@pytest.mark.parametrize("fault", LASTING_FAULTS)
def test_a_lasting_fault_is_ended_with_off(run: Run, stores: FakeApi, fault: str) -> None:
    """The same word, and --off."""
    assert run(f"store {fault} 2 --off") == 0
    assert stores.asked == [(f"POST /stores/2/{fault}", {"off": True})]


@pytest.mark.parametrize("fault", ["stop", "start"])
def test_stop_and_start_have_no_off(
    run: Run, stores: FakeApi, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`stop --off` could mean start; better say so than guess."""
    assert run(f"store {fault} 2 --off") == 1
    assert "has no end" in capsys.readouterr().err
    assert stores.asked == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param("store stop 9", "There is no store 9.", id="no such store"),
        pytest.param("store start 3", "Store 3: it is a tombstone", id="it cannot be"),
    ],
)
def test_a_refused_fault_is_told(
    run: Run, line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the words of the stores."""
    assert run(line) == 1
    assert capsys.readouterr().err == f"error: {said}\n"


def test_stores_that_do_not_answer_are_told(
    run: Run, supervisor: FakeSupervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody killed them: no traceback."""
    supervisor.state["tikvsim"] = "http://127.0.0.1:1"
    assert run("store stop 2") == 1
    assert "The simulated stores do not answer" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["start", "stop", "kill", "freeze", "thaw"])
def test_an_operator_is_ordered_about(
    run: Run, supervisor: FakeSupervisor, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what it is like afterwards."""
    assert run(f"operator {action} 1") == 0
    assert supervisor.orders == [{"order": "operator", "number": 1, "action": action}]
    assert capsys.readouterr().out == "operator 1: running, Pod assent-1-x, http://127.0.0.1:9\n"


@pytest.mark.parametrize("action", ["start", "stop", "restart", "kill", "freeze", "thaw"])
def test_a_process_is_ordered_about(
    run: Run, supervisor: FakeSupervisor, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the name that `status` shows."""
    assert run(f"process {action} etcd") == 0
    assert supervisor.orders == [{"order": "process", "name": "etcd", "action": action}]
    assert capsys.readouterr().out == "etcd: running\n"


@pytest.mark.parametrize(
    ("line", "order"), [("process kill x", "process"), ("operator stop 7", "operator")]
)
def test_a_refusal_of_the_supervisor_is_told(
    run: Run,
    supervisor: FakeSupervisor,
    line: str,
    order: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 1 and its sentence."""
    supervisor.refusals[order] = "There is none."
    assert run(line) == 1
    assert capsys.readouterr().err == "error: There is none.\n"


def test_a_supervisor_that_dies_over_an_order_is_told(
    run: Run, supervisor: FakeSupervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    """What became of the order is not known, and is not claimed."""
    supervisor.mute = True
    assert run("operator stop 1") == 1
    assert "ended before it answered" in capsys.readouterr().err


def test_up_beside_a_running_one_is_refused(
    run: Run, supervisor: FakeSupervisor, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Two in one directory would write each other's files; nothing was touched."""
    monkeypatch.setattr("sandbox.client.ensure", lambda *_, **__: {})
    supervisor.layout.log("etcd").write_text("mine")
    assert run("up") == 1
    assert "A sandbox already runs" in capsys.readouterr().err
    assert supervisor.layout.log("etcd").read_text() == "mine"


def test_ctrl_c_is_no_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """130, as shells expect it."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sandbox.client.order", interrupted)
    assert run("status") == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_down_without_a_sandbox_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No error, and nothing is claimed."""
    assert main(["--dir", str(tmp_path / "none"), "down"]) == 0
    assert f"Nothing runs in {tmp_path / 'none'}." in capsys.readouterr().out


def test_down_removes_what_a_crash_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody holds the lock any more; the files are ours to remove."""
    left = Layout(tmp_path / "box")
    left.logs.mkdir(parents=True)
    left.lock.touch()
    left.log("etcd").write_text("old")
    assert main(["--dir", str(left.root), "down"]) == 0
    assert f"{left.root} is removed" in capsys.readouterr().out
    assert not left.root.exists()
