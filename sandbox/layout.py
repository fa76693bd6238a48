"""Where a sandbox keeps its files."""

import fcntl
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import SandboxError

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Layout:
    """The paths inside one sandbox's directory."""

    root: Path

    @property
    def state(self) -> Path:
        """What runs where, as JSON; written by the supervisor. Also the mark of our directories."""
        return self.root / "sandbox.json"

    @property
    def lock(self) -> Path:
        """Locked (flock) by the supervisor as long as it lives."""
        return self.root / "lock"

    @property
    def socket(self) -> Path:
        """Where the supervisor takes orders."""
        return self.root / "control.sock"

    @property
    def logs(self) -> Path:
        """One file for each process."""
        return self.root / "logs"

    def log(self, name: str) -> Path:
        """The log of the process `name`."""
        return self.logs / f"{name}.log"

    @property
    def pki(self) -> Path:
        """The certificate authority, keys and certificates."""
        return self.root / "pki"

    @property
    def data(self) -> Path:
        """The data of etcd and PD."""
        return self.root / "data"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.root / "kubeconfig"

    @property
    def users(self) -> Path:
        """Kubeconfigs of other identities."""
        return self.root / "users"

    @property
    def audit(self) -> Path:
        """The API server's audit log, one JSON object a line."""
        return self.root / "audit.jsonl"

    def journal(self, member: str) -> Path:
        """What the proxy in front of the PD member saw, one request a line."""
        return self.root / f"pd-journal-{member}.jsonl"

    def api_journal(self, number: int) -> Path:
        """What the proxy between that operator and the API server saw, one request a line."""
        return self.root / f"api-journal-{number}.jsonl"

    @property
    def effects(self) -> Path:
        """What the simulated stores carried out, one change a line."""
        return self.root / "effects.jsonl"

    def operator(self, number: int) -> Path:
        """The working directory and token of one operator."""
        return self.root / "operators" / str(number)

    def is_ours(self) -> bool:
        """Whether this directory was made for a sandbox (and may be removed)."""
        return self.state.exists() or self.lock.exists()

    def is_alive(self) -> bool:
        """Whether a supervisor holds the lock, i.e. lives."""
        if not self.lock.exists():
            return False
        with self.lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False


def default_directory(checkout: Path = CHECKOUT) -> Path:
    """Where `up` puts the sandbox of this checkout.

    `$SANDBOX_DIR` if set, else a folder named after the checkout under
    `${XDG_STATE_HOME:-~/.local/state}/assent/sandbox`, so that two checkouts do not meet.

    Raises:
        SandboxError: neither is set, and the user has no home.
    """
    if chosen := os.environ.get("SANDBOX_DIR"):
        return Path(chosen)
    state = os.environ.get("XDG_STATE_HOME") or ""
    # The XDG base directory specification: a relative path there is to be ignored.
    try:
        base = Path(state) if state.startswith("/") else Path.home() / ".local/state"
    except RuntimeError as error:
        raise SandboxError("This user has no home directory: set SANDBOX_DIR.") from error
    digest = hashlib.sha256(str(checkout).encode()).hexdigest()[:8]
    return base / "assent/sandbox" / f"{checkout.name}-{digest}"
