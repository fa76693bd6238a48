"""A real git repository, as people commit to it and as tools read it."""

import os
import subprocess
from pathlib import Path

IDENTITY = {
    "GIT_AUTHOR_NAME": "Alice",
    "GIT_AUTHOR_EMAIL": "alice@example.com",
    "GIT_COMMITTER_NAME": "Alice",
    "GIT_COMMITTER_EMAIL": "alice@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


class Repository:
    """A bare repository with the checkout of somebody who pushes to it."""

    def __init__(self, folder: Path) -> None:
        self.origin = folder / "origin.git"
        self.checkout = folder / "checkout"
        git(folder, "init", "-q", "--bare", "--initial-branch=main", str(self.origin))
        git(folder, "clone", "-q", str(self.origin), str(self.checkout))
        git(self.checkout, "checkout", "-q", "-B", "main")

    def path(self, name: str) -> Path:
        """Where a file lies in the checkout."""
        return self.checkout / name

    def exclude(self, name: str) -> None:
        """Let a file of the checkout be no concern of Git."""
        (self.checkout / ".git/info/exclude").write_text(f"{name}\n")

    def push(self, message: str, **files: str | None) -> str:
        """Write files (``limit`` is limit.yaml; None removes it), commit all, push: the commit."""
        for name, text in files.items():
            path = self.path(f"{name}.yaml")
            path.unlink() if text is None else path.write_text(text)
        git(self.checkout, "add", "--all")
        git(self.checkout, "commit", "-q", "-m", message)
        return self._pushed()

    def revert(self, commit: str) -> str:
        """Revert a commit as people do, and push: the commit that does it."""
        git(self.checkout, "revert", "--no-edit", commit)
        return self._pushed()

    def _pushed(self) -> str:
        git(self.checkout, "push", "-q", "origin", "main")
        return git(self.checkout, "rev-parse", "HEAD").strip()


class Clone:
    """What a tool has read of a repository."""

    def __init__(self, repository: Repository, folder: Path) -> None:
        self.folder = folder
        git(folder.parent, "clone", "-q", str(repository.origin), str(folder))

    def manifests(self) -> dict[str, str]:
        """The files of the newest commit by name, without their suffix."""
        git(self.folder, "fetch", "-q", "origin", "main")
        git(self.folder, "reset", "-q", "--hard", "origin/main")
        return {path.stem: path.read_text() for path in sorted(self.folder.glob("*.yaml"))}


def git(folder: Path, *arguments: str) -> str:
    """What git prints; the test fails when it fails."""
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env={**os.environ, **IDENTITY},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
    return done.stdout
