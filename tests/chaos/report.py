"""`build/chaos.json`, and what people read of a report."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.chaos.checker import Report

LISTED = ("doubles", "lost", "stuck", "unapproved", "wrongly_unknown", "unknown")
LOST_ANSWERS = ("cut_after_answer", "half_answer")
RESTARTS = ("restart_api_server", "kill_api_server", "kill_etcd")
KILLS = ("kill_operator", "kill_pd")
NO_FAULTS = ("weather", "ended_by_itself")
"""What the weather broke counts, not the weather; nor does a process that ended in order to begin
anew."""


def as_json(report: Report) -> dict[str, Any]:
    """The report of one campaign: figures, and each finding as a sentence."""
    kinds = report.faults_by_kind
    return {
        "seed": report.seed,
        "seeds": [report.seed],
        "minutes": report.minutes,
        "faults": sum(count for kind, count in kinds.items() if kind not in NO_FAULTS),
        **targets(kinds),
        "proposals": report.proposals,
        "approvals": report.approvals,
        "effects": report.effects,
        **{name: len(getattr(report, name)) for name in LISTED},
        "repeats": report.repeats,
        "worst_seconds_to_finish": report.worst_seconds_to_finish,
        "faults_by_kind": kinds,
        "ends": report.ends,
        "findings": {name: list(asdict(report)[name]) for name in LISTED},
    }


def targets(kinds: Mapping[str, int]) -> dict[str, int]:
    """The kinds that a campaign has a target for."""
    return {
        "kills": sum(kinds.get(kind, 0) for kind in KILLS),
        "freezes": kinds.get("freeze_operator", 0),
        "restarts": sum(kinds.get(kind, 0) for kind in RESTARTS),
        "pd_leader_moves": kinds.get("move_pd_leader", 0),
        "lost_answers": sum(
            count for kind, count in kinds.items() if kind.rpartition(" ")[2] in LOST_ANSWERS
        ),
    }


def added(known: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The sum of campaigns with different seeds; of one seed twice the new one counts alone."""
    if not known or set(known["seeds"]) & set(new["seeds"]):
        return dict(new)
    found = dict(new)
    for key, value in known.items():
        if key in ("seeds",):
            found[key] = [*value, *new[key]]
        elif key == "worst_seconds_to_finish":
            found[key] = max(value, new[key])
        elif key in ("faults_by_kind", "ends"):
            found[key] = dict(sorted((Counter(value) + Counter(new[key])).items()))
        elif key == "findings":
            found[key] = {name: [*value[name], *new[key][name]] for name in value}
        elif key == "minutes":
            found[key] = round(value + new[key], 1)
        elif key != "seed":
            found[key] = value + new[key]
    return found


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write it so that people can read it, too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")


def clean(content: Mapping[str, Any]) -> bool:
    """Whether nothing was found that may not be, and something was tried."""
    return content["approvals"] > 0 and not any(
        content[name] for name in LISTED if name != "unknown"
    )


def spoken(content: Mapping[str, Any]) -> str:
    """The figures in a few lines, and every finding."""
    kinds = ", ".join(f"{kind} {count}" for kind, count in content["faults_by_kind"].items())
    ends = ", ".join(f"{end} {count}" for end, count in content["ends"].items())
    names = ("minutes", "faults", "kills", "freezes", "restarts", "pd_leader_moves",
             "lost_answers", "approvals", "effects", "repeats", *LISTED,
             "worst_seconds_to_finish")  # fmt: skip
    figures = "\n".join(f"  {name:24} {content[name]}" for name in names)
    findings = "\n".join(
        f"  {name}: {sentence}" for name in LISTED for sentence in content["findings"][name]
    )
    seeds = ", ".join(map(str, content["seeds"]))
    return f"seeds {seeds}\n{figures}\nfaults: {kinds}\nends: {ends}\n{findings}".rstrip()
