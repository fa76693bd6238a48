"""One campaign: a sandbox, three operators, people, faults; then calm, an end, and the evidence."""

import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox import Sandbox
from sandbox.records import effective_writes
from tests.chaos import evidence
from tests.chaos.asks import STORES, stream
from tests.chaos.breaking import Breaking
from tests.chaos.conversations import Conversations
from tests.chaos.faults import LANES, lane
from tests.chaos.history import FINISHED, History, Said, Struck, Version
from tests.chaos.lives import approved
from tests.chaos.operators import COUNT, Operators, said
from tests.chaos.pace import Pace
from tests.chaos.people import CLUSTER, NAMESPACE, PROPOSALS, bindings, client_for
from tests.chaos.resolving import Resolving
from tests.chaos.strikes import Strikes
from tests.chaos.watching import Watching

REGIONS = 240
PD_SCHEDULE = {"patrol-region-interval": "100ms"}
FIRST_LEADER_SECONDS = 60.0
END_SECONDS = 360.0
"""How long everything approved has to come to an end once all is mended."""
PROGRESS_SECONDS = 5.0
TYPES = (
    "SetStoreLimit", "SetStoreWeight", "SetScheduleConfig", "TransferLeader", "SplitRegion",
    "ScatterRegion", "AddScheduler", "RemoveScheduler", "EvictLeaders", "StopEvictLeaders",
)  # fmt: skip
EFFECT_SHOWS_WITHIN = "12s"
"""An outcome that nobody knows is said so after this; meanwhile the cluster is busy."""
OPERATORS_CALLER = "assent"
Say = Callable[[str], None]


@dataclass
class Faults:
    """What was done so far, and where it is written down at once."""

    path: Path
    struck: list[Struck] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def log(self, struck: Struck) -> None:
        """Take note of a fault."""
        with self.guard:
            self.struck.append(struck)
            with self.path.open("a") as file:
                file.write(said(struck) + "\n")

    def count(self) -> Counter[str]:
        """How many of each kind were done."""
        with self.guard:
            return Counter(item.kind for item in self.struck if item.done)


def run(*, seed: int, minutes: float, folder: Path, say: Say) -> History:
    """Run a campaign whose records go to `folder`: its history.

    Raises:
        SandboxError: the sandbox could not be started, or not be mended.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    say(f"seed {seed}: starting three operators, three PD members, {STORES} stores")
    with Sandbox.start(
        stores=STORES,
        regions=REGIONS,
        pd=3,
        api_proxies=COUNT,
        audit_objects=True,
        pd_schedule=PD_SCHEDULE,
    ) as box:
        try:
            return _campaign(box, seed=seed, minutes=minutes, folder=folder, say=say)
        except BaseException:
            # The sandbox goes now; what the threads say of that helps nobody.
            threading.excepthook = lambda _: None
            raise
        finally:
            shutil.copytree(box.layout.logs, folder / "logs", dirs_exist_ok=True)


def _campaign(box: Sandbox, *, seed: int, minutes: float, folder: Path, say: Say) -> History:
    _furnish(box)
    faults = Faults(folder / "faults.jsonl")
    operators = Operators(box, faults.log)
    watcher = client_for(box, "admin")
    seen = Watching(watcher, PROPOSALS, folder / "watch.jsonl")
    box.wait_for(lambda: _watches(box), FIRST_LEADER_SECONDS, "leader that watches PD")
    conversations = Conversations(box, seen, stream(seed))
    resolving = Resolving(box, seen)
    pace = Pace()
    breaking = Breaking(box, operators, Strikes(lambda: _phases(seen), pace), faults.log)
    began = time.time()
    breaking.start({name: lane(name, seed) for name in LANES})
    _progress(seen, faults, pace, say, until=began + 60 * minutes)
    say("the last fault: mending")
    breaking.stop()
    breaking.mend()
    calm = time.time()
    conversations.stop()
    _await_ends(seen, say, until=time.monotonic() + END_SECONDS / 2)
    conversations.give_up()
    _await_ends(seen, say, until=time.monotonic() + END_SECONDS / 2)
    resolving.stop()
    seen.close()
    history = _history(box, faults, seed, folder, began=began, calm=calm)
    operators.stop()
    for part in (breaking, conversations, watcher):
        part.close()
    if conversations.errors:
        (folder / "people.txt").write_text("\n".join(conversations.errors))
    history.save(folder / "history.json.gz")
    return history


def _furnish(box: Sandbox) -> None:
    box.create_namespace(NAMESPACE)
    box.apply(*bindings())
    overrides = [{"type": kind, "timeout": EFFECT_SHOWS_WITHIN} for kind in TYPES]
    rules = ("leftoverEviction", "leaderImbalance", "storeDown")
    box.apply(
        {
            "apiVersion": "assent.tikv.org/v1alpha1",
            "kind": "TiKVCluster",
            "metadata": {"name": CLUSTER, "namespace": NAMESPACE},
            "spec": {
                "pd": {"endpoints": box.pd_urls},
                "dryRun": False,
                # People ask here: a finding of the operator's own would have no part in the count.
                "detection": {
                    "interval": "1s",
                    "rules": {rule: {"disabled": True} for rule in rules},
                },
                "policy": {"actionTimeout": EFFECT_SHOWS_WITHIN, "overrides": overrides},
            },
        }
    )


def _watches(box: Sandbox) -> bool:
    found = box.get("tikvclusters", CLUSTER, "-n", NAMESPACE)
    return bool(found.get("status", {}).get("state") == "Watching")


def _progress(seen: Watching, faults: Faults, pace: Pace, say: Say, *, until: float) -> None:
    while (left := until - time.time()) > 0:
        time.sleep(min(left, PROGRESS_SECONDS))
        slow = f", {pace.factor:.1f} times as slow as usual" if pace.factor > 1.5 else ""
        left_minutes = max(0.0, until - time.time()) / 60
        say(f"{left_minutes:5.1f} min left{slow}; {_stand(seen, faults)}")


def _stand(seen: Watching, faults: Faults) -> str:
    phases = Counter(_phases(seen))
    done = faults.count()
    shown = ", ".join(f"{phase} {count}" for phase, count in sorted(phases.items()))
    return f"{sum(done.values())} faults beside the network's; proposals: {shown or 'none yet'}"


def _phases(seen: Watching) -> list[str]:
    return [_phase(found) for found in seen.all().values()]


def _phase(found: dict[str, Any]) -> str:
    return str(found.get("status", {}).get("phase", "new"))


def _await_ends(seen: Watching, say: Say, *, until: float) -> None:
    """Wait until nothing that was approved is still open."""
    while time.monotonic() < until:
        left = [name for name, found in seen.all().items() if still_open(found)]
        if not left:
            return
        say(f"mended; {len(left)} still open: {', '.join(sorted(left)[:6])}")
        time.sleep(2.0)


def still_open(found: dict[str, Any]) -> bool:
    """Approved or in flight, and not at its end; what nobody approved may wait for ever."""
    phase = _phase(found)
    if phase in ("new", "Pending", "Suggested"):
        return approved(evidence.version_of(found, 0.0))
    return phase not in FINISHED


def _history(
    box: Sandbox, faults: Faults, seed: int, folder: Path, *, began: float, calm: float
) -> History:
    names = [member["name"] for member in box.state["pd"]]
    journals = {name: box.layout.journal(name) for name in names}
    requests: Counter[str] = Counter()
    for path in journals.values():
        requests += evidence.broken("pd", evidence.lines(path))
    for number in range(1, COUNT + 1):
        requests += evidence.broken("api", evidence.lines(box.layout.api_journal(number)))
    stored = list(evidence.audited(evidence.lines(box.layout.audit)))
    versions = [item for item in stored if isinstance(item, Version)]
    versions += evidence.watched(evidence.lines(folder / "watch.jsonl"))
    writes = effective_writes(
        (line for n in range(len(names)) for line in box.pd_journal(n)), names
    )
    ours = [line for line in writes if line.caller == OPERATORS_CALLER]
    doors = [box.layout.api_journal(number) for number in range(1, COUNT + 1)]
    for path in (*journals.values(), *doors, box.layout.audit, box.layout.effects):
        shutil.copy(path, folder / path.name)
    return History(
        seed=seed,
        began=began,
        calm=calm,
        ended=time.time(),
        versions=tuple(sorted(versions, key=lambda item: (item.uid, item.version))),
        sent=tuple(evidence.sent(ours)),
        struck=tuple(faults.struck),
        said=tuple(item for item in stored if isinstance(item, Said)),
        splits=tuple(evidence.splits(evidence.lines(box.layout.effects), began)),
        requests=dict(requests),
    )
