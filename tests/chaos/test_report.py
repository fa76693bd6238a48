"""build/chaos.json: the figures that are promised, sums of seeds, an exit code."""

from typing import Any

from tests.chaos.checker import check
from tests.chaos.histories import T0, history, life, sent
from tests.chaos.history import Struck
from tests.chaos.report import added, as_json, clean, spoken

PROMISED = {
    "seed", "minutes", "faults", "approvals", "effects", "doubles", "lost", "stuck", "unknown"
}  # fmt: skip


def content(seed: int = 1, *, calls: bool = True) -> dict[str, Any]:
    kinds = (
        "kill_pd",
        "kill_operator",
        "freeze_operator",
        "move_pd_leader",
        "kill_etcd",
        "weather",
        "ended_by_itself",
    )
    struck = tuple(Struck(T0, T0 + 1, kind, "x") for kind in kinds)
    one = life("Executing", "Succeeded", steps=(("Forward", 0, "Done", "pod"),))
    found = as_json(check(history(one, calls=(sent(),) if calls else (), struck=struck)))
    return {**found, "seed": seed, "seeds": [seed]}


def test_it_has_what_is_promised() -> None:
    """Names and numbers; the weather is no fault by itself, what it broke is."""
    found = content()
    assert set(found) >= PROMISED
    assert (found["faults"], found["kills"], found["freezes"], found["restarts"]) == (8, 2, 1, 1)
    assert found["minutes"] == 1.0
    assert clean(found)


def test_a_campaign_in_which_nothing_was_approved_proves_nothing() -> None:
    """It must not pass for a good one."""
    assert not clean({**content(), "approvals": 0})


def test_seeds_are_summed() -> None:
    """Figures add up, the worst time is the worst, findings are all kept."""
    total = added(content(1), content(2, calls=False))
    assert total["seeds"] == [1, 2]
    assert total["faults"] == 16
    assert total["faults_by_kind"]["kill_pd"] == 2
    assert total["lost"] == len(total["findings"]["lost"]) == 1
    assert not clean(total)


def test_the_same_seed_again_begins_anew() -> None:
    """Otherwise a rerun would count twice."""
    assert added(content(1), content(1)) == content(1)
    assert added({}, content(1)) == content(1)


def test_findings_are_spoken() -> None:
    """Whoever sees a failure sees which proposal it was."""
    text = spoken(content(calls=False))
    assert "lost: p1 says Done" in text
    assert "kill_operator 1" in text
