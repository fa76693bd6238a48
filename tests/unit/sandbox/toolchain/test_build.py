"""Binaries appear once, whole or not at all, whoever else runs and however a run ends."""

import signal
from pathlib import Path

import pytest

from sandbox.toolchain.build import ensure, expand
from sandbox.toolchain.cache import Cache
from sandbox.toolchain.errors import ToolchainError
from tests.unit.sandbox.toolchain.fake_go import FakeGo, alive, finish, wait_until

ETCD_PACKAGE = "go.etcd.io/etcd/server/v3"


def test_a_binary_is_built_once_and_then_found(fake_go: FakeGo) -> None:
    """The second run costs nothing: it must not ask Go to build again."""
    code, first, err = fake_go.run("etcd")
    assert code == 0, err
    code, second, err = fake_go.run("etcd")
    assert (code, second, err) == (0, first, "")
    name, path = first.split()
    assert name == "etcd"
    assert Path(path).is_file()
    assert fake_go.builds == [ETCD_PACKAGE]


def test_two_runs_at_once_build_once_and_the_second_says_that_it_waits(fake_go: FakeGo) -> None:
    """`make demo` and `make test` in two terminals share one build."""
    fake_go.close_gate()
    first = fake_go.start("etcd")
    fake_go.building_processes()
    second = fake_go.start("etcd")
    assert second.stderr is not None
    said = second.stderr.readline()
    assert f"waiting for etcd: process {first.pid} works on it" in said
    fake_go.open_gate()
    code_first, out_first, _ = finish(first)
    code_second, out_second, _ = finish(second)
    assert (code_first, code_second) == (0, 0)
    assert out_first == out_second
    assert fake_go.builds == [ETCD_PACKAGE]


@pytest.mark.contract
def test_who_waited_for_a_build_that_failed_builds_itself(fake_go: FakeGo) -> None:
    """The first was out of memory, say: the second must not take nothing for a binary."""
    fake_go.close_gate()
    first = fake_go.start("etcd")
    fake_go.building_processes()
    second = fake_go.start("etcd")
    assert second.stderr is not None
    assert "waiting for etcd" in second.stderr.readline()
    first.send_signal(signal.SIGTERM)
    assert finish(first)[0] == 143
    fake_go.open_gate()
    code, out, _ = finish(second)
    assert code == 0
    assert Path(out.split()[1]).is_file()
    assert fake_go.builds == [ETCD_PACKAGE] * 2
    assert fake_go.files() == ["etcd"]


def test_who_waits_can_be_interrupted_and_the_builder_goes_on(fake_go: FakeGo) -> None:
    """Ctrl-C in one of two terminals is meant for that one."""
    fake_go.close_gate()
    builder = fake_go.start("etcd")
    fake_go.building_processes()
    waiting = fake_go.start("etcd")
    assert waiting.stderr is not None
    assert "waiting for etcd" in waiting.stderr.readline()
    waiting.send_signal(signal.SIGINT)
    code, out, said = finish(waiting)
    assert (code, out) == (130, "")
    assert "the same command goes on from here" in said
    assert builder.poll() is None
    fake_go.open_gate()
    assert finish(builder)[0] == 0
    assert fake_go.files() == ["etcd"]


@pytest.mark.parametrize(
    ("number", "exit_code"),
    [
        pytest.param(signal.SIGINT, 130, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, 143, id="make was terminated"),
        pytest.param(signal.SIGHUP, 129, id="the terminal was closed"),
    ],
)
def test_a_stopped_build_leaves_no_process_and_no_half_made_file_and_can_go_on(
    fake_go: FakeGo, number: signal.Signals, exit_code: int
) -> None:
    """After any ordinary end the same command works again, and nothing runs on unseen."""
    fake_go.close_gate()
    run = fake_go.start("etcd")
    building = fake_go.building_processes()
    assert fake_go.files() == [f"etcd.partial-{run.pid}"]
    run.send_signal(number)
    code, out, _ = finish(run)
    assert (code, out) == (exit_code, "")
    # Killed is not yet dead: on a busy machine the kernel takes a moment.
    wait_until(lambda: not any(alive(process_id) for process_id in building))
    assert fake_go.files() == []
    fake_go.open_gate()
    code, out, err = fake_go.run("etcd")
    assert code == 0, err
    assert fake_go.files() == ["etcd"]


def test_a_killed_run_frees_its_lock_and_its_half_made_file_is_not_taken_for_whole(
    fake_go: FakeGo,
) -> None:
    """SIGKILL runs no cleanup; the lock is the kernel's and the name tells half-made ones."""
    fake_go.close_gate()
    run = fake_go.start("etcd")
    building = fake_go.building_processes()
    run.kill()
    finish(run)
    assert fake_go.files() == [f"etcd.partial-{run.pid}"]
    fake_go.open_gate()
    wait_until(lambda: not any(alive(process_id) for process_id in building))
    code, _, err = fake_go.run("etcd")
    assert code == 0, err
    assert fake_go.files() == ["etcd"]


def test_a_failed_build_shows_the_end_of_its_log_and_where_it_is(fake_go: FakeGo) -> None:
    """The reader sees the cause without opening a file, and may open it for the rest."""
    fake_go.break_builds()
    code, out, err = fake_go.run("etcd")
    assert (code, out) == (1, "")
    assert "[1/1] building etcd v3.6.9 failed (exit code 1)" in err
    assert "compile error 40" in err
    assert "compile error 20" not in err
    log = Path(err.rpartition("Whole log: ")[2].strip())
    assert "compile error 1\n" in log.read_text()
    assert fake_go.files() == []
    fake_go.mend_builds()
    assert fake_go.run("etcd")[0] == 0


def test_a_binary_that_says_another_version_is_refused(fake_go: FakeGo) -> None:
    """A wrong linker flag would else come out much later, as a kubectl that cannot parse it."""
    fake_go.binaries_say("etcd Version: 0.0.0")
    code, _, err = fake_go.run("etcd")
    assert code == 1
    assert "should say 'etcd Version: 3.6.9'" in err
    assert fake_go.files() == []


def test_what_is_there_is_kept_when_a_later_one_fails(fake_go: FakeGo) -> None:
    """A failed run is cheap to repeat: the binaries before the failure stay."""
    code, _, err = fake_go.run("etcd", "pd-server")
    assert code == 1
    assert "The new pd-server should say 'Release Version: v8.1.0'" in err
    assert fake_go.files() == ["etcd"]


def test_numbers_count_only_what_is_left_to_build(fake_go: FakeGo) -> None:
    """`[1/1]` after etcd is there: the reader wants to know how long it still takes."""
    assert fake_go.run("etcd")[0] == 0
    fake_go.break_builds()
    assert "[1/1] building pd-server v8.1.0" in fake_go.run("etcd", "pd-server")[2]


def test_without_a_home_directory_it_still_works(
    fake_go: FakeGo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers and services often have none; Go needs its three folders then."""
    monkeypatch.delenv("HOME", raising=False)
    assert fake_go.run("etcd")[0] == 0


def test_the_library_gives_the_paths_that_the_command_prints(
    fake_go: FakeGo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox calls `ensure` itself, and must get the very binaries `make` made."""
    _, out, _ = fake_go.run("etcd")
    monkeypatch.setenv("PATH", f"{fake_go.folder}:/usr/bin:/bin")
    found = ensure(["etcd"], cache=Cache(fake_go.cache_home / "assent"))
    assert f"etcd {found['etcd']}\n" == out


def test_a_set_stands_for_its_members_in_building_order() -> None:
    """Naming a set and one of its members asks for it once."""
    names = [tool.name for tool in expand(["test", "etcd"])]
    assert sorted(names) == sorted(
        ["etcd", "pd-server", "tikvsim", "pdproxy", "kube-apiserver", "helm", "gitopshealth"]
    )
    assert names == [tool.name for tool in expand(["etcd", "helm", "gitopshealth", "demo"])]


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    """A typing error in a Makefile is found at once."""
    with pytest.raises(ToolchainError, match=r"no binary or set 'etdc'; there are: demo, test"):
        expand(["etdc"])


def test_the_cache_is_removed_on_demand_and_made_again(fake_go: FakeGo) -> None:
    """Everything in it can be had again by the same command."""
    assert fake_go.run("etcd")[0] == 0
    assert fake_go.run("clean-cache") == (0, "", "")
    assert not (fake_go.cache_home / "assent").exists()
    assert fake_go.run("etcd")[0] == 0
