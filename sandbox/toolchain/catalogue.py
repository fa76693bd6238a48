"""The binaries the sandbox can have: package, pinned version, how built, how proven.

The version itself is pinned by the go.mod of each folder; a unit test keeps the two equal.
"""

from dataclasses import dataclass
from pathlib import Path

GO_SOURCES = Path(__file__).resolve().parent.parent / "go"

KUBERNETES_VERSION = "v1.36.3"
# The oldest line that Assent is for; built only for who asks for it (make matrix-floor).
OLD_KUBERNETES_VERSION = "v1.30.14"
ETCD_VERSION = "v3.6.9"
HELM_VERSION = "v4.3.1"
# The PD release that the pinned commit belongs to, and what PD says at /pd/api/v1/version.
PD_VERSION = "v8.1.0"
# The older one of the compatibility matrix; built only for who asks for it (make contract-long).
OLD_PD_VERSION = "v6.6.0"


@dataclass(frozen=True)
class Tool:
    """One binary built by Go.

    `module` is the folder under `sandbox/go/` where it is built; `variables` are the strings set
    by the linker; `proof` are arguments under which it prints `proven_by` and exits 0 (empty: that
    it builds is proof enough).
    """

    name: str
    version: str
    module: str
    package: str
    tags: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    proof: tuple[str, ...] = ()
    proven_by: str = ""

    @property
    def folder(self) -> Path:
        """The Go module in which it is built."""
        return GO_SOURCES / self.module

    def build_arguments(self, output: Path) -> list[str]:
        """The arguments of `go` that make the binary at `output`."""
        linker = " ".join(["-s -w", *(f"-X {name}={value}" for name, value in self.variables)])
        tags = ["-tags", self.tags] if self.tags else []
        # Debugging symbols would be stripped in the end (-s -w): not making them at all saves a
        # tenth of the time and a fifth of Go's build cache.
        no_symbols = "-gcflags=all=-dwarf=false"
        return ["build", *tags, no_symbols, "-ldflags", linker, "-o", str(output), self.package]


def _kubernetes(name: str, version: str = KUBERNETES_VERSION) -> Tool:
    """Return the recipe of one of its programs; another than the pinned version is named so.

    Without the variables kubectl and helm cannot parse the API server's version; Kubernetes sets
    them in its hack/lib/version.sh.
    """
    major, minor, _ = version.removeprefix("v").split(".")
    old = version != KUBERNETES_VERSION
    return Tool(
        name=f"{name}-{major}.{minor}" if old else name,
        version=version,
        module=f"kube-{major}.{minor}" if old else "kube",
        package=f"k8s.io/kubernetes/cmd/{name}",
        variables=tuple(
            (f"k8s.io/{package}.{variable}", value)
            for package in ("component-base/version", "client-go/pkg/version")
            for variable, value in (
                ("gitVersion", version),
                ("gitMajor", major),
                ("gitMinor", minor),
                ("gitTreeState", "clean"),
            )
        ),
        proof=("--version",),
        proven_by=f"Kubernetes {version}",
    )


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            name="etcd",
            version=ETCD_VERSION,
            module="etcd",
            package="go.etcd.io/etcd/server/v3",
            proof=("--version",),
            proven_by=f"etcd Version: {ETCD_VERSION.removeprefix('v')}",
        ),
        Tool(
            name="pd-server",
            version=PD_VERSION,
            module="pd",
            package="github.com/tikv/pd/cmd/pd-server",
            tags="without_dashboard",
            variables=(
                ("github.com/tikv/pd/pkg/versioninfo.PDReleaseVersion", PD_VERSION),
                ("github.com/tikv/pd/pkg/versioninfo.PDEdition", "Community"),
            ),
            proof=("-V",),
            proven_by=f"Release Version: {PD_VERSION}",
        ),
        Tool(
            name="pd-6.6",
            version=OLD_PD_VERSION,
            module="pd-6.6",
            package="github.com/tikv/pd/cmd/pd-server",
            tags="without_dashboard",
            variables=(
                ("github.com/tikv/pd/pkg/versioninfo.PDReleaseVersion", OLD_PD_VERSION),
                ("github.com/tikv/pd/pkg/versioninfo.PDEdition", "Community"),
            ),
            proof=("-V",),
            proven_by=f"Release Version: {OLD_PD_VERSION}",
        ),
        Tool(name="tikvsim", version="", module="tikvsim", package="./cmd/tikvsim"),
        Tool(name="pdproxy", version="", module="tikvsim", package="./cmd/pdproxy"),
        # What GitOps tools make of our objects; Flux's evaluator takes minutes to build, so it is
        # built only for who asks for it (make contract).
        Tool(name="gitopshealth", version="", module="gitops", package="./cmd/gitopshealth"),
        Tool(name="fluxhealth", version="", module="gitops", package="./cmd/fluxhealth"),
        _kubernetes("kube-apiserver"),
        _kubernetes("kube-controller-manager"),
        _kubernetes("kube-apiserver", OLD_KUBERNETES_VERSION),
        Tool(
            name="helm",
            version=HELM_VERSION,
            module="helm",
            package="helm.sh/helm/v4/cmd/helm",
            variables=(("helm.sh/helm/v4/internal/version.version", HELM_VERSION),),
            proof=("version", "--template={{.Version}}"),
            proven_by=HELM_VERSION,
        ),
    )
}

_DEMO = ("etcd", "pd-server", "tikvsim", "pdproxy", "kube-apiserver")
SETS = {
    "demo": _DEMO,
    "test": (*_DEMO, "helm", "gitopshealth"),
    "bench": (*_DEMO, "kube-controller-manager"),
}
