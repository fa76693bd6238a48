"""What kind of sandbox is wanted."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.errors import SandboxError

PD_COUNTS = (1, 3)
# PD cuts the default keyspace into as many.
FEWEST_REGIONS = 5


@dataclass(frozen=True)
class Options:
    """How large a sandbox is, and what runs in it."""

    stores: int = 4
    regions: int = 300
    pd: int = 1
    """PD members: 1 or 3."""
    operators: int = 1
    """How many operators are started; more may be started later."""
    bare: bool = False
    """No TiKVCluster: control plane, PD, stores and Assent's manifests only."""
    pd_schedule: Mapping[str, Any] = field(default_factory=dict)
    """Settings of PD's [schedule] section, such as {"max-store-down-time": "1m"}."""
    operator_environment: Mapping[str, str] = field(default_factory=dict)
    """More environment variables for every operator."""

    api_proxies: int = 0
    """How many operators, from 1 on, reach the API server through a proxy that takes faults."""
    audit_objects: bool = False
    """The audit log keeps Assent's own objects whole, as each write left them."""

    def __post_init__(self) -> None:
        if self.pd not in PD_COUNTS:
            raise SandboxError(f"PD has 1 or 3 members, not {self.pd}.")
        if self.stores < 1:
            raise SandboxError(f"A sandbox needs at least 1 store, not {self.stores}.")
        if self.regions < FEWEST_REGIONS:
            raise SandboxError(
                f"A sandbox needs at least {FEWEST_REGIONS} regions, not {self.regions}."
            )
        if self.operators < 0:
            raise SandboxError(f"A sandbox starts 0 or more operators, not {self.operators}.")

    def to_json(self) -> str:
        """For `from_json`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Options":
        """The options that `to_json` gave."""
        return cls(**json.loads(text))
