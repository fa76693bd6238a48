"""Rules of PD as text: what a proposal shows, captures before a change, and puts back."""

import hashlib
import json
from collections.abc import Mapping, Sequence

from assent.api.v1alpha1.actionproposal import Fact, Target
from assent.core.model.call import Json
from assent.core.model.snapshot import ClusterSnapshot

RULE = "rule"
"""Name of the fact that holds a rule."""
ABSENT = "absent"
"""Its value while there is no such rule."""
LONGEST = 2048
"""Bound of a fact's value in the CRD: a longer rule cannot be captured, so it is not touched."""

RUNTIME = frozenset({"version", "create_timestamp"})
"""PD counts and dates its placement rules itself, whatever is sent (``rule.go``, Rule.Version)."""


def text_of(document: Mapping[str, Json] | None) -> str:
    """Return the rule as canonical JSON, without what PD itself counts; ``absent`` for none."""
    if document is None:
        return ABSENT
    kept = {name: value for name, value in document.items() if name not in RUNTIME}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"))


def captured(document: Mapping[str, Json] | None) -> tuple[Fact, ...]:
    """Return the rule as a fact, nothing when it is too long to be kept whole."""
    text = text_of(document)
    return () if len(text) > LONGEST else (Fact(name=RULE, value=text),)


def captured_text(before: Sequence[Fact]) -> str | None:
    """Return the text that was captured, None when nothing was."""
    return next((fact.value for fact in before if fact.name == RULE), None)


def captured_document(before: Sequence[Fact]) -> dict[str, Json] | None:
    """Return the rule that was captured; None when there was none, or nothing was captured."""
    text = captured_text(before)
    if text is None or text == ABSENT:
        return None
    document: dict[str, Json] = json.loads(text)
    return document


def rule_target(
    target_id: str, document: Mapping[str, Json] | None, snapshot: ClusterSnapshot
) -> Target:
    """Return the rule as it stands, or its absence: whoever approves replaces exactly that."""
    text = text_of(document)
    if len(text) > LONGEST:
        text = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    return Target(
        cluster_id=str(snapshot.pd.cluster_id),
        id=target_id,
        identity=[Fact(name=RULE, value=text)],
    )
