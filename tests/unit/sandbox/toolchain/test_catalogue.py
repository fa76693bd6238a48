"""What the recipes say is what the go.mod files pin."""

import re
from pathlib import Path

import pytest

from sandbox.toolchain.catalogue import (
    ETCD_VERSION,
    GO_SOURCES,
    HELM_VERSION,
    KUBERNETES_VERSION,
    OLD_KUBERNETES_VERSION,
    OLD_PD_VERSION,
    PD_VERSION,
    SETS,
    TOOLS,
)

MODULES = sorted(path.parent.name for path in GO_SOURCES.glob("*/go.mod"))


def go_mod(name: str) -> str:
    return (GO_SOURCES / name / "go.mod").read_text()


@pytest.mark.parametrize(
    ("name", "module", "version"),
    [
        pytest.param("kube", "k8s.io/kubernetes", KUBERNETES_VERSION, id="Kubernetes"),
        pytest.param("kube-1.30", "k8s.io/kubernetes", OLD_KUBERNETES_VERSION, id="the oldest"),
        pytest.param("etcd", "go.etcd.io/etcd/server/v3", ETCD_VERSION, id="etcd"),
        pytest.param("helm", "helm.sh/helm/v4", HELM_VERSION, id="helm"),
    ],
)
def test_the_version_told_is_the_version_pinned(name: str, module: str, version: str) -> None:
    """The linker would write any version; only go.mod decides what is really built."""
    assert f"require {module} {version}\n" in go_mod(name)


@pytest.mark.parametrize(
    ("name", "release"), [("kube", KUBERNETES_VERSION), ("kube-1.30", OLD_KUBERNETES_VERSION)]
)
def test_kubernetes_libraries_are_of_the_same_release(name: str, release: str) -> None:
    """k8s.io/api v0.36.3 belongs to Kubernetes v1.36.3; a mix builds, and behaves like neither."""
    replaced = re.findall(r"^\s*(k8s\.io/\S+) => (\S+) (\S+)$", go_mod(name), re.MULTILINE)
    assert len(replaced) >= 30
    assert {version for _, _, version in replaced} == {"v0." + release.split(".", 1)[1]}
    assert all(name == target for name, target, _ in replaced)


def test_pd_is_built_to_run_on_a_newer_go() -> None:
    """Without it PD panics at its start: a debug route of it is no valid pattern since Go 1.22."""
    assert "\ngodebug httpmuxgo121=1\n" in go_mod("pd")
    # The commit of the 8.1 line, of which PD_VERSION is the release.
    assert "require github.com/tikv/pd v1.1.0-beta.0.20240407022249-7179657d129b\n" in go_mod("pd")
    assert PD_VERSION.startswith("v8.1.")


def test_the_older_pd_is_of_the_6_6_line_and_nobody_builds_it_unasked() -> None:
    """It costs two minutes, for the matrix of versions only."""
    older = go_mod("pd-6.6")
    assert "github.com/tikv/pd v1.1.0-beta.0.20230203015356-248b3f0be132\n" in older
    assert "\ngo 1.19\n" in older, "as of Go 1.20, so that its debug routes are valid patterns"
    assert "\nreplace google.golang.org/grpc => google.golang.org/grpc v1.26.0\n" in older
    assert OLD_PD_VERSION.startswith("v6.6.")
    assert not any("pd-6.6" in members for members in SETS.values())


def test_the_oldest_kubernetes_is_a_binary_of_its_own_and_nobody_builds_it_unasked() -> None:
    """It costs five minutes of a processor, for the matrix on the oldest version only."""
    oldest = TOOLS["kube-apiserver-1.30"]
    assert oldest.package == TOOLS["kube-apiserver"].package
    assert oldest.proven_by == f"Kubernetes {OLD_KUBERNETES_VERSION}"
    assert not any(oldest.name in members for members in SETS.values())


@pytest.mark.parametrize("name", MODULES)
def test_modules_name_no_path_of_a_machine(name: str) -> None:
    """A `replace` by a folder works for its author only."""
    assert not re.search(r"=>\s*[./]", go_mod(name))


@pytest.mark.parametrize("name", MODULES)
def test_modules_pin_the_content_of_what_they_need(name: str) -> None:
    """The build is `-mod=readonly`: without go.sum it fails, with it nothing can be slipped in."""
    assert (GO_SOURCES / name / "go.sum").stat().st_size > 0


@pytest.mark.parametrize("name", TOOLS)
def test_the_recipe_makes_a_small_binary_of_its_package(name: str) -> None:
    """Symbols are left out (a third of the size); the package comes last, as `go build` wants."""
    arguments = TOOLS[name].build_arguments(Path("/tmp/out"))
    assert arguments[0] == "build"
    assert arguments[-3:] == ["-o", "/tmp/out", TOOLS[name].package]
    assert arguments[arguments.index("-ldflags") + 1].startswith("-s -w")


def test_kubectl_can_parse_the_api_servers_version() -> None:
    """Unset, it says `v0.0.0-master+$Format:%H$`, which neither kubectl nor helm accepts."""
    arguments = TOOLS["kube-apiserver"].build_arguments(Path("out"))
    linker = arguments[arguments.index("-ldflags") + 1]
    for setting in (f"gitVersion={KUBERNETES_VERSION}", "gitMajor=1", "gitMinor=36"):
        assert f"-X k8s.io/component-base/version.{setting}" in linker


def test_every_member_of_a_set_is_a_known_binary_and_named_once() -> None:
    """A set with a wrong name would fail on the user's machine first."""
    for members in SETS.values():
        assert set(members) <= set(TOOLS)
        assert len(members) == len(set(members))


def test_the_larger_sets_hold_the_demo() -> None:
    """Tests and measurements start a sandbox, too."""
    assert set(SETS["demo"]) < set(SETS["test"])
    assert set(SETS["demo"]) < set(SETS["bench"])
