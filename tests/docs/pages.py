"""The pages of the tree as tests see them: their links, their blocks, and who runs a block."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNBOOKS = ROOT / "docs/runbooks"
HOW_TOS = ROOT / "docs/how-to"

INSTALLING = (
    "docs/how-to/install-with-helm.md",
    "README.md",
    "docs/how-to/watch-a-cluster-with-tls.md",
    "docs/how-to/upgrade.md",
    "docs/how-to/uninstall.md",
    "docs/how-to/install-with-kustomize.md",
)
"""Walked in this order on one API server that has nothing of ours at first."""

WORKING = (
    "docs/how-to/approve.md",
    "docs/how-to/kubectl-plugins.md",
    "docs/how-to/modify.md",
    "docs/how-to/chain-actions.md",
    "docs/how-to/stop-everything.md",
    "docs/how-to/resolve-an-unknown-outcome.md",
)
"""Each run on the sandbox with an operator, people, and something that waits."""

THROUGH_GIT = ("docs/how-to/gitops.md",)
"""Run in a git repository that loops like Argo CD's and Flux's apply (tests/integration/gitops)."""

QUICKSTART = "docs/quickstart.md"

TOPS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "sandbox/README.md")

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    page: str
    line: int
    info: tuple[str, ...]
    text: str

    @property
    def is_shell(self) -> bool:
        """True for commands, run or only checked."""
        return self.info[:1] == ("sh",)

    @property
    def is_run(self) -> bool:
        """True for commands that a test runs as they stand."""
        return self.is_shell and "static" not in self.info

    @property
    def person(self) -> str | None:
        """Who runs it; None for the administrator."""
        return next((word[3:] for word in self.info if word.startswith("as=")), None)

    @property
    def where(self) -> str:
        """Page and line, for messages."""
        return f"{self.page}:{self.line}"

    def commands(self) -> Iterator[list[str]]:
        """The words of every simple command; here-documents are left out."""
        text = re.sub(r"<<(\w+)\n.*?^\1$", "", self.text, flags=re.MULTILINE | re.DOTALL)
        for line in text.replace("\\\n", " ").splitlines():
            line = re.sub(r"^[A-Z_]+=\$\((.*)\)$", r"\1", line.strip())
            if not line or line.startswith("#") or re.fullmatch(r"[A-Z_]+=\S*", line):
                continue
            for part in re.split(r"\s(?:\||&&)\s", line):
                yield shlex.split(part)


def pages() -> list[Path]:
    """Every page that people write; the reference is generated."""
    tops = [ROOT / name for name in TOPS]
    docs = sorted((ROOT / "docs").rglob("*.md"))
    return [*tops, *(page for page in docs if ROOT / "docs/reference" not in page.parents)]


def name_of(page: Path) -> str:
    """The path below the root."""
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    """Every fenced block of a page, in order."""
    text = page.read_text()
    return [
        Block(
            name_of(page),
            text.count("\n", 0, found.start()) + 1,
            tuple(found["info"].split()),
            found["text"],
        )
        for found in _FENCE.finditer(text)
    ]


def prose(page: Path) -> str:
    """The page without its blocks."""
    return _FENCE.sub("", page.read_text())


def links(page: Path) -> list[str]:
    """The targets of all links that stay in the tree."""
    return [link for link in _LINK.findall(prose(page)) if "://" not in link]
