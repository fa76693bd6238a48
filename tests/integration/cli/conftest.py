"""The plugins as they are shipped, run by people with nothing but python3 and kubectl."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from hack.plugins import build
from sandbox.toolchain import kubectl_path
from tests.integration.operator.conftest import box, scene, stage
from tests.integration.operator.scene import Scene

__all__ = ["box", "scene", "stage"]


@dataclass
class Outcome:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        """Everything it wrote."""
        return self.out + self.err


class Hands:
    """Types commands as somebody, in an environment that holds nothing but PATH and KUBECONFIG."""

    def __init__(self, scene: Scene, path: Path, home: Path) -> None:
        self._scene = scene
        self.folder = path
        self._home = home

    def environment(self, user: str | None) -> dict[str, str]:
        """All that a command of theirs knows."""
        box = self._scene.box
        kubeconfig = box.kubeconfig if user is None else box.kubeconfig_for(user)
        return {"PATH": str(self.folder), "HOME": str(self._home), "KUBECONFIG": str(kubeconfig)}

    def type(
        self, line: str | Sequence[str], *, user: str | None = None, given: str = ""
    ) -> Outcome:
        """Run ``kubectl <line>`` in the scene's namespace; ``user`` None is the administrator."""
        words = line.split() if isinstance(line, str) else list(line)
        done = subprocess.run(
            [self.folder / "kubectl", *words], env=self.environment(user),
            input=given, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        return Outcome(done.returncode, done.stdout, done.stderr)

    def does(self, line: str | Sequence[str], *, user: str | None = None) -> str:
        """The same, and it must succeed: what it printed."""
        done = self.type([*(line.split() if isinstance(line, str) else line)], user=user)
        assert done.code == 0, done.all
        return done.out

    def here(self, line: str) -> list[str]:
        """The words, with the scene's namespace."""
        return [*line.split(), "-n", self._scene.namespace]


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with python3, kubectl and the built plugins, and nothing else."""
    folder = tmp_path_factory.mktemp("plugins")
    build(folder)
    (folder / "python3").symlink_to(os.path.realpath(sys.executable))
    (folder / "kubectl").symlink_to(kubectl_path())
    return folder


@pytest.fixture
def hands(scene: Scene, path: Path, tmp_path: Path) -> Hands:
    """Commands in the scene with an operator; the home is empty."""
    home = tmp_path / "home"
    home.mkdir()
    return Hands(scene, path, home)
