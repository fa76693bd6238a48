"""Builds the kubectl plugins as single files: `make plugins`, or `python -m hack.plugins`.

Each file in build/plugins/ is a zip behind a few lines for the shell; it needs python3 (3.11 or
later), kubectl and /bin/sh, and nothing else. The same sources give the same bytes.
"""

import argparse
import py_compile
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from assent.cli.queries import PATH

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "operator/assent"
ENTRIES = {
    "kubectl-approve": "approve",
    "kubectl-reject": "reject",
    "kubectl-proposals": "proposals",
    "kubectl_complete-approve": "complete",
    "kubectl_complete-reject": "complete",
    "kubectl_complete-proposals": "complete",
}
"""File → function of ``assent.cli.main``; the console scripts of the wheel are the same."""

PYTHON = """\
exec python3 -IS -c '
import sys
if sys.version_info < (3, 11):
    sys.exit("This needs Python 3.11 or later; the python3 in PATH is " + sys.version.split()[0])
try:
    sys.argv.pop(0)
    sys.path.insert(0, sys.argv[0])
    from assent.cli.main import {function}
    sys.exit({function}())
except KeyboardInterrupt:
    sys.exit(130)
' "$0" "$@"
"""
"""Isolated, and without the site module: nothing of the user's Python is looked at, and it starts
a third faster; so it does without what `python3 FILE` loads to run a zip. An old Python, to which
our sources are a syntax error, is told so in its own words."""
SHELL = "#!/bin/sh\n" + PYTHON
LIST = (
    """\
#!/bin/sh
# The list of a namespace is asked for while Python is being loaded; see assent.cli.ahead.
namespace=
case "$#$1" in
  2-n|2--namespace) namespace=$2 ;;
  1--namespace=*) namespace=${{1#*=}} ;;
esac
case "$namespace" in
  ""|*[!a-z0-9.-]*) ;;
  *)
    ASSENT_ASKED="get --raw {path}/namespaces/$namespace/actionproposals --namespace=$namespace"
    GOGC=off GOMEMLIMIT=256MiB kubectl $ASSENT_ASKED 2>/dev/null </dev/null | {{
      export ASSENT_ASKED
      """
    + PYTHON
    + """\
    }}
    exit ;;
esac
"""
    + PYTHON
)
"""What begins a file, before the zip: lines for the shell, which never reads on to the zip."""
EPOCH = (1980, 1, 1, 0, 0, 0)


def sources() -> Mapping[str, Path]:
    """Return what goes in: name in the zip → file."""
    found = {"assent/__init__.py": PACKAGE / "__init__.py"}
    for path in sorted((PACKAGE / "cli").glob("*.py")):
        found[f"assent/cli/{path.name}"] = path
    return found


def compiled(name: str, source: Path) -> bytes:
    """Return its bytecode. Another version of Python does not take it and reads the source."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "module.pyc"
        py_compile.compile(
            str(source), str(target), dfile=name, doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )  # fmt: skip
        return target.read_bytes()


def build(folder: Path) -> list[Path]:
    """Write every plugin into the folder; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, bytes] = {}
    for name, source in sources().items():
        parts[name] = source.read_bytes()
        parts[f"{name}c"] = compiled(name, source)
    made = []
    for plugin, function in ENTRIES.items():
        start = f"import sys\nfrom assent.cli.main import {function}\nsys.exit({function}())\n"
        target = folder / plugin
        lines = LIST if plugin == "kubectl-proposals" else SHELL
        with target.open("wb") as file:
            file.write(lines.format(function=function, path=PATH).encode())
            with zipfile.ZipFile(file, "w") as archive:
                for name, content in {"__main__.py": start.encode(), **parts}.items():
                    archive.writestr(zipfile.ZipInfo(name, EPOCH), content)
        target.chmod(0o755)
        made.append(target)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Build them and say where they are."""
    parser = argparse.ArgumentParser(prog="python -m hack.plugins", description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "build/plugins")
    chosen = parser.parse_args(arguments)
    for path in build(chosen.output):
        sys.stdout.write(f"{path} ({path.stat().st_size // 1024} KiB)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
