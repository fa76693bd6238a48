"""The page's commands, as they stand, while a tool looks at the repository again and again."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from sandbox.library import Sandbox
from tests.docs.pages import ROOT, THROUGH_GIT
from tests.integration.docs.walking import tools, walk
from tests.integration.gitops.conftest import ACCOUNT, FORMER, TOOLS
from tests.integration.gitops.loops import ArgoCd, Flux
from tests.integration.gitops.repository import IDENTITY, Repository
from tests.integration.operator.scene import FAST_LEASE, ROLES, Scene, set_limit

pytestmark = [pytest.mark.contract, pytest.mark.xdist_group("docs"), pytest.mark.timeout(300)]

NAMESPACE = "tikv"
STORES = (2, 3, 4)


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the reader has: kubectl and its plugins."""
    return tools(tmp_path_factory.mktemp("gitops-page") / "bin")


@pytest.fixture
def scene(box: Sandbox) -> Iterator[Scene]:
    """Namespace `tikv` with what sam filed, TiKVCluster `prod`, an operator, and Argo CD's map."""
    for store in STORES:
        box.pd.post(f"/store/{store}/limit", {"type": "add-peer", "rate": FORMER})
    scene = Scene(box, box.create_namespace(NAMESPACE))
    scene.invite()
    scene.watch()
    box.create_namespace("argocd")
    box.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "argocd-cm", "namespace": "argocd"},
            "data": {"url": "https://argocd.example.com"},
        }
    )
    box.operator(1).start(FAST_LEASE)
    scene.await_state("Watching")
    for store in STORES:
        scene.file(f"limit-store-{store}", set_limit(store, 30))
        scene.await_phase(f"limit-store-{store}", "Pending")
    yield scene
    box.delete_namespace("argocd")
    box.delete_namespace("assent-git")
    box.delete_namespace(NAMESPACE)
    for store in STORES:
        box.pd.post(f"/store/{store}/limit", {"type": "add-peer", "rate": FORMER})


@contextmanager
def looking(tool: ArgoCd | Flux) -> Iterator[None]:
    """Let the tool look every half second, as it would every few minutes."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            tool.sync()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("tool", sorted(TOOLS))
@pytest.mark.parametrize("page", THROUGH_GIT)
def test_the_page_works_with_each_tool(
    page: str, tool: str, scene: Scene, toolbox: Path, tmp_path: Path
) -> None:
    """Approve, modify, take back, and a brake that stays."""
    repository = Repository(tmp_path)
    (repository.checkout / "deploy").symlink_to(ROOT / "deploy")
    repository.exclude("deploy")
    repository.push("Begin", begin="{}")
    repository.push("Empty", begin=None)
    loop = TOOLS[tool](scene.box, repository, account=ACCOUNT, folder=tmp_path / tool)
    people: dict[str | None, Path] = {name: scene.box.kubeconfig_for(name) for name in ROLES}
    with looking(loop):
        walk(
            page,
            tools=toolbox,
            folder=repository.checkout,
            kubeconfigs={**people, None: scene.box.kubeconfig},
            **IDENTITY,
        )
    assert loop.sync().failures == {}
    found = {
        name: scene.get(name)["status"]["phase"] for name in ("limit-store-2", "limit-store-3")
    }
    assert set(found.values()) == {"Succeeded"}
    assert scene.get("limit-store-4")["status"]["phase"] == "Pending"
    assert scene.get("limit-store-3")["spec"]["proposedBy"] == ACCOUNT
    assert scene.get("revert-limit-store-2")["spec"]["proposedBy"] == "ann"
    data = yaml.safe_load(
        scene.box.kubectl("-n", "argocd", "get", "configmap", "argocd-cm", "-o", "yaml")
    )["data"]
    assert len(data) == 4
    assert sorted(call.json()["rate"] for call in scene.calls()) == [30, 45]


def test_the_repository_is_read_as_it_was_committed(tmp_path: Path) -> None:
    """The stage itself: what is only in the checkout is not in Git."""
    repository = Repository(tmp_path)
    repository.push("Begin", one="{}")
    repository.path("two.yaml").write_text("{}")
    listed = subprocess.run(
        ["git", "-C", str(repository.origin), "ls-tree", "--name-only", "main"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout.split() == ["one.yaml"]
