"""What exactly an approval is for, as canonical bytes and their sha256."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from assent.api.v1alpha1.actionproposal import (
    ActionProposalSpec,
    ActionProposalStatus,
    Ask,
    Target,
)
from assent.api.v1alpha1.lifecycle import IN_FLIGHT
from assent.api.v1alpha1.tikvcluster import Tier

DIGEST_VERSION = "assent.tikv.org/v1alpha1/ask.1"
"""First field of the canonical form; a change of the form gets a new value."""


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that an approval is for. Two values that differ have different digests."""

    uid: str
    """The object: an approval copied to another object of the same name counts nothing."""
    cluster_name: str
    target: Target
    ask: Ask
    tier: Tier
    effective_dry_run: bool
    revision: int
    """Part of the digest, so that what a change voided stays void when the change is undone:
    dry-run switched on and off again does not revive approvals."""


def ask_of(spec: ActionProposalSpec) -> Ask:
    """Return the ask: all of spec but clusterRef, approvals, cancel and resolution."""
    return Ask(**{name: getattr(spec, name) for name in Ask.model_fields})


def same_ask(left: Ask | None, right: Ask) -> bool:
    """Return True when both read the same as the API writes them (timestamps in milliseconds)."""
    return left is not None and left.wire() == right.wire()


def as_approved(spec: ActionProposalSpec, status: ActionProposalStatus) -> ActionProposalSpec:
    """Return the spec; in flight with the ask that was approved, whatever spec says by now.

    Admission freezes the ask once execution begins. Should admission have been gone for a while,
    an edit must not become the next step of a plan, nor the call that takes something back.
    """
    if status.phase not in IN_FLIGHT or status.assessed is None:
        return spec
    asked = status.assessed
    return spec.model_copy(update={name: getattr(asked, name) for name in Ask.model_fields})


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys, no spaces and unescaped text: one value, one spelling."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical_bytes(material: Material) -> bytes:
    """Return the UTF-8 bytes that are hashed; timestamps as the API writes them."""
    return canonical_json(
        {
            "ask": material.ask.wire(),
            "cluster": material.cluster_name,
            "effectiveDryRun": material.effective_dry_run,
            "revision": material.revision,
            "target": material.target.wire(),
            "tier": material.tier.value,
            "uid": material.uid,
            "version": DIGEST_VERSION,
        }
    ).encode()


def sha256_text(data: bytes) -> str:
    """Return ``sha256:<hex>``."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def digest_of(material: Material) -> str:
    """Return what ``status.digest`` holds and an approval must quote: ``sha256:<hex>``."""
    return sha256_text(canonical_bytes(material))
