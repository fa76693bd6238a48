"""What the pages tell people to type works as it stands, on real parts."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from sandbox import Sandbox, client
from tests.docs.pages import INSTALLING, QUICKSTART, ROOT, WORKING
from tests.integration.api.server import ApiServer, api_server
from tests.integration.docs.walking import tools, walk
from tests.integration.operator.scene import FAST_LEASE, ROLES, Scene, set_limit
from tests.support.certificates import Authority

pytestmark = [pytest.mark.contract, pytest.mark.xdist_group("docs")]

NAMESPACE = "tikv"
QUICKLY_WALKED = "docs/how-to/modify.md"
"""The page whose walk `make test` keeps; `make contract` walks all."""
FILED = {
    "docs/how-to/approve.md": {
        "fill-store-2": set_limit(2, 400),
        "limit-store-3": set_limit(3, 30),
    },
    "docs/how-to/kubectl-plugins.md": {
        "fill-store-2": set_limit(2, 400),
        "limit-store-3": set_limit(3, 30),
        "limit-store-4": set_limit(4, 30),
    },
    "docs/how-to/modify.md": {},
    "docs/how-to/chain-actions.md": {},
    "docs/how-to/stop-everything.md": {"limit-store-3": set_limit(3, 30)},
    "docs/how-to/resolve-an-unknown-outcome.md": {"limit-store-2": set_limit(2, 30)},
}
"""What waits in the namespace when the reader opens the page; filed by somebody else."""


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """kubectl, helm and python, as the reader has them."""
    return tools(tmp_path_factory.mktemp("docs") / "bin")


@pytest.fixture
def scene(box: Sandbox) -> Iterator[Scene]:
    """Namespace `tikv` with people, TiKVCluster `prod` and a running operator."""
    scene = Scene(box, box.create_namespace(NAMESPACE))
    scene.invite()
    scene.watch(
        policy={"overrides": [{"type": "SetStoreLimit", "timeout": "3s"}]},
    )
    box.operator(1).start(FAST_LEASE)
    scene.await_state("Watching")
    yield scene
    for store in box.pd.get("/stores/limit"):
        box.pd.post(f"/store/{store}/limit", {"type": "add-peer", "rate": 15})
    box.delete_namespace(NAMESPACE)


def kubeconfigs(box: Sandbox) -> Mapping[str | None, Path]:
    people: dict[str | None, Path] = {name: box.kubeconfig_for(name) for name in ROLES}
    return {**people, None: box.kubeconfig}


def prepare(page: str, scene: Scene) -> None:
    """Bring about what the page is about."""
    for name, action in FILED[page].items():
        scene.file(name, action)
        scene.await_phase(name, "Pending")
    if page.endswith("resolve-an-unknown-outcome.md"):
        scene.box.faults.add("cut_before_send", method="POST", path="/limit", caller="assent")
        scene.approve("limit-store-2")
        scene.await_phase("limit-store-2", "OutcomeUnknown")


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.smoke if page == QUICKLY_WALKED else ())
        for page in WORKING
    ],
)
def test_a_how_to_works_on_the_sandbox(page: str, scene: Scene, toolbox: Path) -> None:
    """As the people it names, with the roles it names, against a real operator and PD."""
    prepare(page, scene)
    said = walk(
        page,
        tools=toolbox,
        kubeconfigs=kubeconfigs(scene.box),
        PD_URL=scene.box.pd_urls[0],
    )
    assert "---" in said


def test_the_quickstart_works(toolbox: Path, tmp_path: Path) -> None:
    """From `make sandbox-up` to `make sandbox-down`, with nothing left behind."""
    directory = tmp_path / "sandbox"
    try:
        said = walk(QUICKSTART, tools=toolbox, SANDBOX_DIR=str(directory))
    finally:
        client.shut_down(client.directory(directory))
    assert "[DRY-RUN] Stop evicting leaders from store 4" in said
    assert not directory.exists()


@pytest.fixture
def empty_server(tmp_path: Path) -> Iterator[ApiServer]:
    """An API server with nothing of ours in it."""
    folder = tmp_path / "api-server"
    folder.mkdir()
    with api_server(folder) as server:
        yield server


def write_pem_files(folder: Path) -> None:
    """What the reader of the TLS page has: an authority's certificate, a client's, and its key."""
    authority = Authority("pd")
    client_pair = authority.issue("assent")
    (folder / "ca.crt").write_bytes(authority.pem)
    (folder / "tls.crt").write_bytes(client_pair.cert)
    (folder / "tls.key").write_bytes(client_pair.key)


def test_the_installation_pages_work_in_order(
    empty_server: ApiServer, toolbox: Path, tmp_path: Path
) -> None:
    """Install, watch, upgrade, uninstall, install the other way; everything but running pods."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for entry in ROOT.iterdir():
        (checkout / entry.name).symlink_to(entry)
    write_pem_files(checkout)
    reader: Mapping[str | None, Path] = {None: empty_server.kubeconfig}
    for page in INSTALLING:
        said = walk(page, tools=toolbox, folder=checkout, kubeconfigs=reader)
        assert "---" in said, page
