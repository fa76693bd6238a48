"""Process settings from environment variables, validated once at start.

Nothing here holds a secret: tokens and keys are named by file and read where they are used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SERVICE_ACCOUNT_FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where Kubernetes projects the pod's own token and CA certificate."""

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_ACCESS = ("ASSENT_API_SERVER", "ASSENT_CA_FILE", "ASSENT_TOKEN_FILE")


class SettingsError(ValueError):
    """The environment is not usable; ``mistakes`` has one sentence for each."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class LeaseTiming:
    """How leadership is held. Safe only as duration > deadline > retry (client-go's defaults)."""

    duration_seconds: float = 15.0
    """How long a candidate waits, by its own clock, before it takes a Lease that stands still."""
    renew_deadline_seconds: float = 10.0
    """A leader stops this long after it *sent* the last renewal that succeeded."""
    retry_period_seconds: float = 2.0
    """Time between two renewals."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one operator process needs to know before it can ask the API server for the rest."""

    api_server: str
    """Base URL without a trailing slash."""
    ca_file: Path
    token_file: Path
    """Read again while running: projected tokens are rotated."""
    pod_name: str
    """Identity in the Lease; the leader fence compares it with the pod-bound token."""
    pod_namespace: str
    service_account: str
    http_host: str
    http_port: int
    """0 lets the system choose."""
    lease: LeaseTiming
    watch_namespaces: tuple[str, ...]
    """Empty means all namespaces."""
    log_level: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Return the settings that these environment variables spell.

        Raises:
            SettingsError: something is missing or wrong; every mistake is one sentence that
                names its variable. Nothing was opened or sent.
        """
        return _load(environment)

    @property
    def username(self) -> str:
        """The name under which the API server knows this process."""
        return f"system:serviceaccount:{self.pod_namespace}:{self.service_account}"


class _Reader:
    """Takes values out of the environment and collects what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.mistakes: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        value = self.environment.get(name, "").strip()
        if value:
            return value
        if default is None:
            self.mistakes.append(f"{name} must be set")
            return ""
        return default

    def seconds(self, name: str, default: float) -> float:
        text = self.text(name, str(default))
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0.1 <= value <= 3600:
            self.mistakes.append(f"{name} must be a number of seconds from 0.1 to 3600, not {text}")
            return default
        return value


def _access(read: _Reader) -> tuple[str, Path, Path]:
    given = [name for name in _ACCESS if read.environment.get(name, "").strip()]
    if not given:
        host = read.text("KUBERNETES_SERVICE_HOST", "")
        if not host:
            read.mistakes.append(
                "ASSENT_API_SERVER, ASSENT_CA_FILE and ASSENT_TOKEN_FILE must be set where"
                " KUBERNETES_SERVICE_HOST is not (outside a pod)"
            )
        port = read.text("KUBERNETES_SERVICE_PORT", "443")
        bracketed = f"[{host}]" if ":" in host else host
        folder = SERVICE_ACCOUNT_FOLDER
        return f"https://{bracketed}:{port}", folder / "ca.crt", folder / "token"
    for name in _ACCESS:
        if name not in given:
            read.mistakes.append(f"{name} must be set as {given[0]} is: all three or none")
    server = read.environment.get("ASSENT_API_SERVER", "").strip().rstrip("/")
    if server and (not server.startswith("https://") or server == "https://"):
        read.mistakes.append("ASSENT_API_SERVER must be a URL that begins with https://")
    if "@" in server:
        read.mistakes.append("ASSENT_API_SERVER must not hold a user name or password")
    return server, Path(read.text("ASSENT_CA_FILE", "")), Path(read.text("ASSENT_TOKEN_FILE", ""))


def _address(read: _Reader) -> tuple[str, int]:
    text = read.text("ASSENT_HTTP_ADDRESS", "0.0.0.0:8080")
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        read.mistakes.append(f"ASSENT_HTTP_ADDRESS must be HOST:PORT, not {text}")
        return "", 0
    return host.strip("[]"), int(port)


def _lease(read: _Reader) -> LeaseTiming:
    timing = LeaseTiming(
        duration_seconds=read.seconds("ASSENT_LEASE_DURATION_SECONDS", 15.0),
        renew_deadline_seconds=read.seconds("ASSENT_RENEW_DEADLINE_SECONDS", 10.0),
        retry_period_seconds=read.seconds("ASSENT_RETRY_PERIOD_SECONDS", 2.0),
    )
    if timing.renew_deadline_seconds >= timing.duration_seconds:
        read.mistakes.append(
            "ASSENT_RENEW_DEADLINE_SECONDS must be less than ASSENT_LEASE_DURATION_SECONDS:"
            " a leader must stop before another may start"
        )
    # client-go's rule: jittered retries (x1.2) must fit before the deadline.
    if timing.retry_period_seconds * 1.2 >= timing.renew_deadline_seconds:
        read.mistakes.append(
            "ASSENT_RETRY_PERIOD_SECONDS x 1.2 must be less than ASSENT_RENEW_DEADLINE_SECONDS"
        )
    return timing


def _load(environment: Mapping[str, str]) -> Settings:
    read = _Reader(environment)
    server, ca_file, token_file = _access(read)
    host, port = _address(read)
    level = read.text("ASSENT_LOG_LEVEL", "INFO").upper()
    if level not in LOG_LEVELS:
        read.mistakes.append(f"ASSENT_LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}")
    namespaces = read.text("ASSENT_WATCH_NAMESPACES", "").split(",")
    settings = Settings(
        api_server=server,
        ca_file=ca_file,
        token_file=token_file,
        pod_name=read.text("POD_NAME"),
        pod_namespace=read.text("POD_NAMESPACE", "assent-system"),
        service_account=read.text("ASSENT_SERVICE_ACCOUNT", "assent"),
        http_host=host,
        http_port=port,
        lease=_lease(read),
        watch_namespaces=tuple(sorted({name.strip() for name in namespaces} - {""})),
        log_level=level,
    )
    if read.mistakes:
        raise SettingsError(tuple(read.mistakes))
    return settings
