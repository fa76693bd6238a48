"""`python -m sandbox` as its users type it."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from sandbox import Sandbox
from sandbox.cli import INTERRUPTED
from sandbox.layout import CHECKOUT, Layout
from sandbox.waiting import wait_for
from tests.integration.sandbox.command_line import CommandLine

SIZE = ("--bare", "--stores=3", "--regions=10")


@pytest.fixture(scope="module")
def command_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    # Longer than a socket's path may be: pytest's own directories are.
    line = CommandLine(tmp_path_factory.mktemp("cli") / ("long" * 25) / "box")
    line.type("up", *SIZE)
    yield line
    line.type("down")


def test_env_names_what_scripts_need(command_line: CommandLine) -> None:
    """One NAME=value a line, so that `export $(…)` works, and every URL answers."""
    told = dict(line.split("=", 1) for line in command_line.type("env").splitlines())
    names = [
        "KUBECONFIG",
        "PD_URL",
        "PD_DIRECT_URL",
        "PD_FAULTS_URL",
        "TIKVSIM_URL",
        "SANDBOX_DIR",
    ]
    assert list(told) == names
    assert Path(told["SANDBOX_DIR"]) == command_line.directory
    assert httpx.get(f"{told['PD_URL']}/pd/api/v1/version").json()["version"] == "v8.1.0"
    assert httpx.get(f"{told['PD_DIRECT_URL']}/pd/api/v1/health").is_success
    assert httpx.get(f"{told['TIKVSIM_URL']}/status").json()["ready"] is True
    assert "tikvclusters.assent.tikv.org" in command_line.kubectl("get", "crds")


def test_status_shows_every_process(command_line: CommandLine) -> None:
    """The first thing one asks when something does not answer."""
    told = command_line.run("status")
    for name in ("etcd", "kube-apiserver", "pd-0", "pdproxy-0", "tikvsim"):
        assert f"{name} " in told
    assert told.count("running") == 5


def test_a_user_has_the_name_and_groups_asked_for(
    command_line: CommandLine, tmp_path: Path
) -> None:
    """Approvals are about who: the API server must see exactly this identity."""
    (tmp_path / "alice").write_text(command_line.run("user", "alice", "--group", "sre"))
    told = command_line.kubectl("auth", "whoami", kubeconfig=tmp_path / "alice")
    assert "alice" in told
    assert "sre" in told


def test_a_store_can_be_stopped_and_started(command_line: CommandLine) -> None:
    """The faults are those of the stores' own interface, by PD's store id."""
    assert "state=stopped" in command_line.run("store", "stop", "3")
    assert "state=up" in command_line.run("store", "start", "3")
    assert "slow=True" in command_line.run("store", "slow", "3")
    assert "slow=False" in command_line.run("store", "slow", "3", "--off")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("store", "stop", "99"), "no store 99", id="unknown store"),
        pytest.param(("store", "stop", "1", "--off"), "has no end", id="start is stop's opposite"),
        pytest.param(("logs", "nobody"), "kube-apiserver", id="unknown log: names those there are"),
        pytest.param(("operator", "stop", "5"), "no operator 5", id="never started"),
        pytest.param(("process", "kill", "etc"), "etcd", id="unknown process: names those there"),
        pytest.param(("up", "--bare"), "already runs", id="a second one in the same directory"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    command_line: CommandLine, arguments: tuple[str, ...], message: str
) -> None:
    """No traceback; what there is instead is named."""
    told = command_line.run(*arguments, exit_code=1)
    assert message in told
    assert "Traceback" not in told


def test_logs_print_the_end_of_a_log(command_line: CommandLine) -> None:
    """Where one looks first when a process misbehaves."""
    assert "grpc" in command_line.run("logs", "etcd")


def test_a_process_can_be_restarted(command_line: CommandLine) -> None:
    """Fault tests restart servers under the operator: same address, new process."""
    before = command_line.environment()
    assert "running" in command_line.run("process", "restart", "pd-0")
    assert command_line.environment() == before
    assert httpx.get(f"{before['PD_URL']}/pd/api/v1/stores").json()["count"] == 3


@pytest.mark.contract
def test_two_sandboxes_run_side_by_side(command_line: CommandLine, box: Sandbox) -> None:
    """Checkouts and test workers must not meet."""
    assert box.pd_urls[0] != command_line.environment()["PD_URL"]
    box.create_namespace("only-in-the-other")
    assert "only-in-the-other" not in command_line.kubectl("get", "namespaces")


def test_down_removes_nothing_that_is_not_a_sandbox(tmp_path: Path) -> None:
    """A wrong --dir must not cost anybody's files."""
    (tmp_path / "precious").write_text("data")
    told = CommandLine(tmp_path).type("down", exit_code=1)
    assert "no sandbox's" in told
    assert (tmp_path / "precious").read_text() == "data"


def test_an_interrupted_up_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C while it starts."""
    directory = tmp_path / "box"
    up = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--dir", str(directory), "up", *SIZE],
        cwd=CHECKOUT,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: (directory / "data").exists(), timeout_seconds=90, what="first server's data")
    up.send_signal(signal.SIGINT)
    _, told = up.communicate()
    assert up.returncode == INTERRUPTED, told
    assert "Traceback" not in told
    assert not Layout(directory).is_alive()
    CommandLine(directory).run("down")
    assert not directory.exists()


@pytest.mark.contract
def test_up_and_down_clean_up_after_a_crash(command_line: CommandLine) -> None:
    """A power cut or kill -9 leaves a directory that neither command may stumble over."""
    _crash(command_line.directory)
    assert "`python -m sandbox up` first" in command_line.run("status", exit_code=1)
    command_line.type("up", *SIZE)
    _crash(command_line.directory)
    command_line.run("down")
    assert not command_line.directory.exists()
    assert "Nothing runs" in command_line.run("down")


def _crash(directory: Path) -> None:
    """Kill the supervisor in `directory`, and see its children end with it."""
    box = Sandbox.attach(directory)
    supervisor, *children = [psutil.Process(process_id) for process_id in box.process_ids]
    box.stop()
    supervisor.kill()
    _, alive = psutil.wait_procs([supervisor, *children], timeout=60)
    assert alive == []
