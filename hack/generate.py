"""Writes every generated file of the tree: `make generate`, or `python -m hack.generate`.

Run twice it writes the same bytes. What is generated says so in its first line and is never
edited; `make verify` fails while it is not current.
"""

import sys
from pathlib import Path

from hack.actions import action_samples, actions_page
from hack.crash_points import crash_points_page
from hack.manifests import manifests
from hack.matrix import matrix_page
from hack.reference import pages
from hack.traps import traps_page
from hack.versions import versions_page

ROOT = Path(__file__).resolve().parent.parent

GENERATED_FOLDERS = ("crds", "deploy/admission", "helm/assent/crds")
"""Whatever lies here is generated: a file that no longer belongs is removed."""


def generated_files(root: Path = ROOT) -> dict[str, str]:
    """Return every generated file: path below the root → text."""
    return {
        **manifests(root),
        **pages(),
        "docs/reference/actions.md": actions_page(),
        "docs/design/crash-points.md": crash_points_page(),
        "docs/reference/traps.md": traps_page(),
        "docs/security/authorization-matrix.md": matrix_page(),
        "docs/reference/versions.md": versions_page(),
        "deploy/samples/actions.yaml": action_samples(),
    }


def main() -> int:
    """Write what differs and remove what no longer belongs; print each path that changed."""
    files = generated_files()
    for path, text in files.items():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_text() != text:
            target.write_text(text)
            sys.stdout.write(f"wrote {path}\n")
    for folder in GENERATED_FOLDERS:
        for found in sorted((ROOT / folder).iterdir()):
            if str(found.relative_to(ROOT)) not in files:
                found.unlink()
                sys.stdout.write(f"removed {found.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
