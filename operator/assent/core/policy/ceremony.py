"""How much surrounds an action, by its risk tier."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from assent.api.v1alpha1.tikvcluster import Tier


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What is done around the call. Before-values and verification are part of every tier."""

    undo: bool
    """An effect that shows but misses its goal is taken back without asking."""
    service_account_seats: int
    """How many seats all service accounts together have."""
    typed_confirmation: bool
    """An approval must repeat the target's id in ``confirm``."""
    safe_repeat: bool = True
    """A call whose sender is proven gone may be sent again while PD shows the before-value."""
    breakable: bool = True
    """One person with that right may stand in for the approvals that are missing."""
    look_between_steps: bool = False
    """Before each step of a plan the one before it is verified once more."""


CEREMONIES: Mapping[Tier, Ceremony] = MappingProxyType(
    {
        Tier.LOW: Ceremony(undo=False, service_account_seats=1, typed_confirmation=False),
        Tier.MEDIUM: Ceremony(undo=True, service_account_seats=1, typed_confirmation=False),
        Tier.HIGH: Ceremony(
            undo=True, service_account_seats=0, typed_confirmation=False, look_between_steps=True
        ),
        # Nothing automatic ever happens around a Critical action, so its undo is a person's.
        Tier.CRITICAL: Ceremony(
            undo=False,
            service_account_seats=0,
            typed_confirmation=True,
            safe_repeat=False,
            breakable=False,
            look_between_steps=True,
        ),
    }
)


def ceremony_of(tier: Tier) -> Ceremony:
    """Return the ceremony of a tier."""
    return CEREMONIES[tier]
