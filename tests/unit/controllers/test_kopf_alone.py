"""What a start of the operator loads, in an interpreter of its own."""

import subprocess
import sys


def loaded_after(statement: str) -> set[str]:
    """Return the top-level packages that the statement brings in."""
    script = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    found = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": "operator"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(found.stdout.split())


def test_the_operator_does_not_carry_the_kubernetes_package() -> None:
    """It would be 10 MiB of every process, for objects that no handler returns."""
    loaded = loaded_after("import assent.app")
    assert "kopf" in loaded
    assert not {"kubernetes", "requests", "oauthlib"} & loaded


def test_whoever_wants_the_package_gets_it() -> None:
    """Before and after: only kopf's own look for it fails."""
    after = "import assent.controllers.kopf_alone, kubernetes.config"
    before = "import kubernetes.config, assent.controllers.kopf_alone"
    assert {"kubernetes", "kopf"} <= loaded_after(after)
    assert {"kubernetes", "kopf"} <= loaded_after(before)
