"""What kubectl is asked, and kubectl's own flags: as text, so that asking can begin at once."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


PROPOSALS = "actionproposals.v1alpha1.assent.tikv.org"
CLUSTERS = "tikvclusters.v1alpha1.assent.tikv.org"
HALTS = "halts.v1alpha1.assent.tikv.org"
"""With version and group: kubectl then asks nobody which resource is meant."""

PATH = "/apis/assent.tikv.org/v1alpha1"
REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
WHOAMI = ("auth", "whoami", "-o", "json")
SAFE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")
"""Of what names of Kubernetes are made: these need no quoting in a path."""

VALUED = (
    "as", "as-uid", "cache-dir", "certificate-authority", "client-certificate", "client-key",
    "cluster", "context", "kubeconfig", "kuberc", "log-flush-frequency", "password", "profile",
    "profile-output", "proxy-url", "request-timeout", "tls-server-name", "token", "user",
    "username", "vmodule",
)  # fmt: skip
REPEATED = ("as-group", "as-user-extra")
SWITCHES = (
    "disable-compression", "insecure-skip-tls-verify", "match-server-version",
    "warnings-as-errors",
)  # fmt: skip
NAMED_SHORT = {"namespace": "-n", "server": "-s", "v": "-v"}
SHORT = {short: name for name, short in NAMED_SHORT.items()}

EVERY = (*VALUED, *REPEATED, *SWITCHES, *NAMED_SHORT)
"""All of ``kubectl options`` (1.37); a test compares."""


def split_switch(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with ``--switch=true`` as ``--switch``, and ``--switch=false`` left out:
    kubectl takes both forms.
    """
    kept = []
    for argument in arguments:
        name, _, value = argument.removeprefix("--").partition("=")
        if argument.startswith("--") and name in SWITCHES and value in ("true", "false"):
            if value == "true":
                kept.append(f"--{name}")
        else:
            kept.append(argument)
    return kept


def bare(name: str) -> str:
    """Return the name without a kind before it: ``kubectl get -o name`` prints one."""
    kind, slash, rest = name.rpartition("/")
    known = ("ap", "actionproposal", "actionproposals")
    return rest if slash and kind.partition(".")[0] in known else name


def namespace_of(flags: Sequence[str]) -> str:
    """Return the namespace that was named; empty when it is the context's, which kubectl knows."""
    named = [flag for flag in flags if flag.startswith("--namespace=")]
    return named[-1].partition("=")[2] if named else ""


def reading(flags: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Return how to ask for these proposals: one of a namespace that was named by its path, for
    kubectl then answers a third faster.
    """
    path = _path(flags)
    if path and len(names) == 1 and SAFE.issuperset(names[0]):
        return ("get", "--raw", f"{path}/{names[0]}")
    return ("get", PROPOSALS, "-o", "json", "--ignore-not-found", *names)


def listing(flags: Sequence[str], *, everywhere: bool = False) -> tuple[str, ...]:
    """Return how to ask for all proposals of the namespace, or of all namespaces."""
    if everywhere:
        return ("get", PROPOSALS, "-o", "json", "-A")
    path = _path(flags)
    return ("get", "--raw", path) if path else ("get", PROPOSALS, "-o", "json")


def _path(flags: Sequence[str]) -> str:
    """Empty where only kubectl knows the namespace."""
    namespace = namespace_of(flags)
    if not namespace or not SAFE.issuperset(namespace):
        return ""
    return f"{PATH}/namespaces/{namespace}/actionproposals"
