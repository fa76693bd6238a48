"""The figures of one run, and what is aimed at."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields

from sandbox.errors import SandboxError


@dataclass(frozen=True)
class Figures:
    """What `build/bench.json` holds; the names of the fields are its keys."""

    approve_to_pd_ms_p50: float
    approve_to_pd_ms_p95: float
    csr_ms_p50: float
    csr_ms_p95: float
    ratio_p50: float
    writes_before_call: int
    writes_per_lifecycle: int
    idle_writes_per_minute: float
    rss_mib: float
    cycle_calls_1k: float
    cycle_calls_20k: float
    cycle_bytes_1k: float
    cycle_bytes_20k: float

    def to_json(self) -> str:
        """One flat object, rounded to what was measured."""
        return json.dumps({name: _rounded(value) for name, value in asdict(self).items()}, indent=2)


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    what: str
    value: str
    target: str
    met: bool | None
    """None where there is no target."""


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie, interpolated between neighbours.

    Raises:
        SandboxError: there are no values.
    """
    if not values:
        raise SandboxError("There is no percentile of nothing.")
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def lines(figures: Figures) -> list[Line]:
    """Every figure beside its target (issue "The whole loop", numbers to report)."""
    f = figures
    return [
        _line("approve → PD call received, p50", f.approve_to_pd_ms_p50, "ms"),
        _line("approve → PD call received, p95", f.approve_to_pd_ms_p95, "ms"),
        _line("CSR approve → signed and seen, p50", f.csr_ms_p50, "ms"),
        _line("CSR approve → signed and seen, p95", f.csr_ms_p95, "ms"),
        _line("ratio of the two p50", f.ratio_p50, "", "≤ 1.0", lambda value: value <= 1.0),
        _line("API writes before the call, most", f.writes_before_call, "", "1", lambda v: v == 1),
        _line("API writes a lifecycle", f.writes_per_lifecycle, "", "≤ 5", lambda v: v <= 5),
        _line("idle API writes a minute", f.idle_writes_per_minute, "", "0", lambda v: v == 0),
        _line("resident memory", f.rss_mib, "MiB", "≤ 90", lambda value: value <= 90),
        _line("PD calls a cycle, 1,000 regions", f.cycle_calls_1k, ""),
        _line(
            "PD calls a cycle, 20,000 regions",
            f.cycle_calls_20k,
            "",
            "equal",
            lambda value: value == f.cycle_calls_1k,
        ),
        _line("PD bytes a cycle, 1,000 regions", f.cycle_bytes_1k, "B"),
        _line(
            "PD bytes a cycle, 20,000 regions",
            f.cycle_bytes_20k,
            "B",
            "≤ 1.2 ×",
            lambda value: value <= 1.2 * f.cycle_bytes_1k,
        ),
    ]


def table(figures: Figures) -> str:
    """The lines in columns, for people."""
    rows = [("MEASURED", "VALUE", "TARGET", "")]
    for line in lines(figures):
        verdict = "" if line.met is None else ("met" if line.met else "MISSED")
        rows.append((line.what, line.value, line.target, verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        f"{what:<{widths[0]}}  {value:>{widths[1]}}  {target:<{widths[2]}}  {verdict}".rstrip()
        for what, value, target, verdict in rows
    )


def keys() -> tuple[str, ...]:
    """The keys of the JSON object, in order."""
    return tuple(field.name for field in fields(Figures))


def _line(
    what: str,
    value: float,
    unit: str,
    target: str = "",
    met: Callable[[float], bool] | None = None,
) -> Line:
    shown = f"{_rounded(value):,g} {unit}".strip() if value < 10_000 else f"{value:,.0f} {unit}"
    return Line(what, shown, target, None if met is None else met(_rounded(value)))


def _rounded(value: float) -> float:
    return value if isinstance(value, int) else round(value, 3)
