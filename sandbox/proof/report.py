"""What `make proof` says and writes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.proof.runs import Run
from sandbox.proof.tlc import Outcome


@dataclass(frozen=True)
class Result:
    """A run and what it found."""

    run: Run
    outcome: Outcome

    @property
    def as_it_must(self) -> bool:
        """True when all holds that must hold, or when exactly that broke which must break."""
        return self.outcome.violated == self.run.breaks

    @property
    def sentence(self) -> str:
        """What came of it, in one line without the name."""
        states = f"{self.outcome.states:,} states"
        violated, breaks = self.outcome.violated, self.run.breaks
        if breaks is None:
            return f"holds, {states}" if self.as_it_must else f"BROKEN: {violated} does not hold"
        if self.as_it_must:
            return f"{breaks} fails, as it must"
        return f"DOES NOT FAIL: {breaks} should not hold ({violated or 'all holds'}, {states})"


@dataclass(frozen=True)
class Report:
    """All results of one run of `make proof`."""

    main: Result
    beside: Sequence[Result]
    variants: Sequence[Result]
    assumptions: Sequence[Result]
    seconds: float

    @property
    def wrong(self) -> list[Result]:
        """What was not as it must be; empty when the proof stands."""
        everything = (self.main, *self.beside, *self.variants, *self.assumptions)
        return [result for result in everything if not result.as_it_must]

    def to_json(self) -> str:
        """The content of `build/proof.json`."""
        figures = {
            "states": self.main.outcome.states,
            "depth": self.main.outcome.depth,
            "states_beside": sum(result.outcome.states for result in self.beside),
            "variants_total": len(self.variants),
            "variants_failing": _failing(self.variants),
            "assumptions_total": len(self.assumptions),
            "assumptions_failing": _failing(self.assumptions),
            "holds": not self.wrong,
            "seconds": round(self.seconds),
        }
        return json.dumps(figures, indent=2) + "\n"


def _failing(results: Sequence[Result]) -> int:
    return sum(result.outcome.violated == result.run.breaks for result in results)
