"""A scene with an operator, a git repository, an account for Git, and the plugins."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack.plugins import build
from sandbox.toolchain import kubectl_path
from tests.integration.gitops.judges import SHIPPED
from tests.integration.gitops.loops import ArgoCd, ArgoCdServerSide, Flux
from tests.integration.gitops.repository import IDENTITY, Repository
from tests.integration.operator.conftest import box, scene, stage
from tests.integration.operator.scene import Scene, set_limit

__all__ = ["box", "scene", "stage"]

ACCOUNT = "system:serviceaccount:assent-git:assent-git"
"""The one that is shipped, in a namespace of its own."""
FORMER = 15
"""The add-peer limit that PD begins with."""


class Git:
    """A repository whose newest commit is applied by an account of its own, and its people."""

    def __init__(self, scene: Scene, repository: Repository, path: str) -> None:
        self.scene = scene
        self.repository = repository
        self.account = ACCOUNT
        self._path = path

    def type(self, line: str, user: str) -> str:
        """What ``kubectl <line>`` prints for somebody; the test fails when it fails."""
        return self.type_raw(f"kubectl {line}", user)

    def type_raw(self, line: str, user: str) -> str:
        """The same of a whole line as the shell reads it."""
        done = self.run(line, user)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def run(self, line: str, user: str) -> subprocess.CompletedProcess[str]:
        """What came of a line that somebody typed in the checkout."""
        return subprocess.run(
            ["bash", "-c", line],
            env={
                **os.environ,
                **IDENTITY,
                "PATH": f"{self._path}:{os.environ['PATH']}",
                "KUBECONFIG": str(self.scene.box.kubeconfig_for(user)),
            },
            cwd=self.repository.checkout,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def file(self, name: str = "limit", rate: int = 30, **ask: Any) -> dict[str, Any]:
        """Sam files one of tier Medium; its status once it can be decided."""
        self.scene.box.pd.post("/store/2/limit", {"type": "add-peer", "rate": FORMER})
        self.scene.file(name, set_limit(2, rate), **ask)
        return self.scene.await_phase(name, "Pending")

    def exported(self, name: str = "limit", *, as_author: bool = False) -> str:
        """The manifest for Git, as the plugin writes it."""
        author = f" --as-account {self.account}" if as_author else ""
        return self.type(f"proposals export {name} -n {self.scene.namespace}{author}", user="alice")

    def approved(self, name: str = "limit") -> str:
        """The manifest with the account's seat, as the plugin edits it in the checkout."""
        path = self.repository.path(f"{name}.yaml")
        path.write_text(self.exported(name))
        self.type(
            f"approve --filename={path} --as-account {self.account} -m checked -y", user="alice"
        )
        return path.read_text()

    def version(self, name: str = "limit") -> str:
        """The resource version: it moves with every write that changed something."""
        return str(self.scene.get(name)["metadata"]["resourceVersion"])


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with kubectl and its plugins."""
    folder = tmp_path_factory.mktemp("gitops-plugins")
    build(folder)
    (folder / "kubectl").symlink_to(kubectl_path())
    return str(folder)


@pytest.fixture
def git(scene: Scene, plugins: str, tmp_path: Path) -> Git:
    """An empty repository, and the account that is shipped, with its rights in the scene's
    namespace.
    """
    text = (SHIPPED / "git-account.yaml").read_text()
    for manifest in yaml.safe_load_all(text):
        if manifest["metadata"].get("namespace") == "tikv":
            manifest["metadata"]["namespace"] = scene.namespace
        scene.box.apply(manifest)
    scene.await_right(ACCOUNT, "approve", "low")
    return Git(scene, Repository(tmp_path), plugins)


TOOLS: dict[str, type[ArgoCd] | type[Flux]] = {
    "argo-cd": ArgoCd,
    "argo-cd-server-side": ArgoCdServerSide,
    "flux": Flux,
}


def loop_of(tool: str, git: Git, folder: Path) -> ArgoCd | Flux:
    """The tool, which has read the repository as it is now."""
    return TOOLS[tool](git.scene.box, git.repository, account=git.account, folder=folder / tool)
