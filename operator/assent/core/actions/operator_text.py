"""What the text of one of PD's operators says (pd-api.md 2.6): there is no other form of it in
every version, and no tag of ours in it (P24).
"""

import re
from dataclasses import dataclass

_TEXT = re.compile(
    r"(?:status: [A-Z]+, operator: )?"
    r"(?P<description>[^ {]+) \{(?P<brief>.*?)\} \(kind:(?P<kinds>[^ ]*), "
    r"region:(?P<region>[0-9]+)\((?P<version>[0-9]+), ?(?P<conf_ver>[0-9]+)\), "
    r"createAt:(?P<created_at>.+?), startAt:",
    re.DOTALL | re.ASCII,
)
"""Up to what never changes while the operator runs. v6.5 and v7.1 write a full-width comma
further on, before ``timeout:`` (P26)."""


@dataclass(frozen=True, slots=True)
class OperatorText:
    """What makes one operator that one: no part of it changes while it runs."""

    description: str
    """Such as ``admin-move-peer`` or ``replace-rule-down-peer``."""
    brief: str
    """Such as ``mv peer: store [1] to [4]``."""
    kinds: tuple[str, ...]
    """Such as ``admin, region``."""
    region_id: int
    epoch: str
    """``version/conf_ver`` of the region when the operator was made."""
    created_at: str
    """As PD wrote it: never parsed, only compared."""

    @property
    def is_merge(self) -> bool:
        """True for one of a pair: the cancellation of the one cancels the other (PD 8.1), or only
        the one (PD 6.6).
        """
        return "merge" in self.kinds

    @property
    def is_admin(self) -> bool:
        """True when somebody asked for it; PD makes some of that kind itself (P24)."""
        return self.description.startswith("admin-")


def read_operator(text: str) -> OperatorText | None:
    """Return what the text of an operator says, with or without its status before it; None when
    it is of a form that is not known.
    """
    found = _TEXT.match(text)
    if found is None:
        return None
    return OperatorText(
        description=found["description"],
        brief=found["brief"],
        kinds=tuple(found["kinds"].split(",")),
        region_id=int(found["region"]),
        epoch=f"{found['version']}/{found['conf_ver']}",
        created_at=found["created_at"],
    )
