"""The composition root: the only place that makes real clocks, clients and loops."""

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from datetime import UTC, datetime
from functools import partial

from prometheus_client import CollectorRegistry

from assent.api.reasons import ClusterState
from assent.api.v1alpha1.actionproposal import Phase
from assent.controllers.clusters import ClusterController, Gate
from assent.controllers.completeness import Completeness
from assent.controllers.leader import Leader
from assent.controllers.pd import PD_TIMEOUTS, PdAccess, PdConnector
from assent.controllers.proposals import ProposalController
from assent.controllers.source import GATE_KINDS, EventSource
from assent.controllers.watcher import Watcher
from assent.controllers.world import World
from assent.core.lifecycle.decision import Notice
from assent.errors import AssentError, LeadershipLost
from assent.execution.engine import Executor
from assent.execution.fencing import judge_refusal, too_short
from assent.execution.journal import Journal
from assent.execution.leadership import Elector
from assent.execution.recovery import Recovery
from assent.execution.terms import Term
from assent.kube.admission import (
    check_gate,
    opening_shown_by,
    shipped_definitions,
    shipped_policies,
)
from assent.kube.client import KubeClient
from assent.kube.errors import Fenced
from assent.kube.events import EventPoster
from assent.kube.resources import KINDS, Raw
from assent.kube.status import StatusWriter
from assent.observability.logs import configure_logging
from assent.observability.metrics import Metrics
from assent.observability.probes import Health, serve
from assent.settings import Settings, SettingsError

CONNECTIONS = 4
GATE_PREFIX = "assent-"
COLLECT_AFTER_OBJECTS = 7_000
"""Ten times Python's default."""

_STEADY_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

_log = logging.getLogger(__name__)


def steady_seconds() -> float:
    """Return the seconds of a clock that nobody sets, and that goes on while the machine sleeps.

    Python's monotonic clock stands still then on Linux, and a leader that woke up would believe in
    a Lease that ran out long ago. A hypervisor that stops the whole machine stops this clock too.
    """
    return time.clock_gettime(_STEADY_CLOCK)


def utc_now() -> datetime:
    """Return the present instant in UTC."""
    return datetime.now(UTC)


def _calm_collector() -> None:
    """Keep the garbage collector out of the way between an approval and its call.

    What exists by now (modules, models, clients) stays for good and is never looked at again; the
    rest is mostly freed by reference counts, so that the collector may come a tenth as often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS, 10, 10)


class App:
    """One operator process: watches always, leads while it holds the Lease."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metrics = Metrics(CollectorRegistry())
        self._kube = KubeClient(settings, on_request=self._metrics.kube_request)
        self._health = Health()
        self._world = World(self._changed, self._malformed)
        self._complete = Completeness(self._kube, self._world, settings.watch_namespaces)
        self._elector = Elector(
            self._kube,
            settings,
            monotonic=steady_seconds,
            utc_now=utc_now,
            highest_epoch_seen=lambda: self._world.highest_epoch,
            metrics=self._metrics,
        )
        statuses = StatusWriter(self._kube, current_epoch=self._elector.current_epoch)
        events = EventPoster(
            self._kube, now=utc_now, reporter=settings.pod_name, metrics=self._metrics
        )
        self._events = events
        connector = PdConnector(kube=self._kube, metrics=self._metrics, monotonic=steady_seconds)
        self._clusters = ClusterController(
            world=self._world,
            kube=self._kube,
            statuses=statuses,
            new_watcher=lambda: Watcher(
                connect=connector.connect, read_tidb=connector.tidb_facts, now=utc_now
            ),
            gate=lambda: self._leader.gate,
            now=utc_now,
            username=settings.username,
        )
        journal = Journal(
            statuses=statuses,
            events=events,
            metrics=self._metrics,
            newest=lambda key: self._world.raw((KINDS.proposal, key)),
            observe=self._observe_proposal,
            judge=self._judge_refusal,
        )
        executor = Executor(
            kube=self._kube,
            pd=PdAccess(self._clusters),
            journal=journal,
            recovery=Recovery(
                kube=self._kube,
                journal=journal,
                observe=self._observe_proposal,
                now=utc_now,
                pod_namespace=settings.pod_namespace,
            ),
            metrics=self._metrics,
            halts=lambda: self._world.halts,
            gate_installed=lambda: self._leader.gate.problem is None,
            others_acting=lambda *of: self._world.others_acting(*of),
            now=utc_now,
            monotonic=steady_seconds,
        )
        proposals = ProposalController(
            world=self._world,
            clusters=self._clusters,
            executor=executor,
            gate=lambda: self._leader.gate,
            now=utc_now,
            username=settings.username,
            holder=settings.pod_name,
            metrics=self._metrics,
        )
        self._leader = Leader(
            world=self._world,
            clusters=self._clusters,
            proposals=proposals,
            executor=executor,
            check_gate=self._check_gate,
            read_anew=self._read_anew,
            keep_warm=lambda: self._kube.warm(CONNECTIONS),
            announce=self._announce,
            metrics=self._metrics,
        )

        self._count_objects()

    def _count_objects(self) -> None:
        """Let the gauges count what the cache holds when they are scraped."""
        for phase in Phase:
            gauge = self._metrics.proposals.labels(phase=phase.value)
            gauge.set_function(partial(self._world.proposals_in, phase))
        for state in ClusterState:
            gauge = self._metrics.clusters.labels(state=state.value)
            gauge.set_function(partial(self._world.clusters_in, state))

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT: then drain, release the Lease and return.

        Raises:
            Exception: the watch of our resources ended, or the Lease cannot be kept at all; the
                process must end and be started anew.
        """
        loop = asyncio.get_running_loop()
        main = asyncio.current_task()
        if main is not None:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, main.cancel)
        settings = self._settings
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(serve(settings, self._metrics, self._health))
                source = EventSource(settings, self._observe)
                group.create_task(source.run())
                group.create_task(self._complete.keep())
                group.create_task(self._complete.listen())
                await source.watching.wait()
                await self._complete.synced.wait()
                self._health.ready = True
                shipped_policies(settings.pod_namespace, settings.service_account)
                shipped_definitions()
                _calm_collector()
                while True:
                    await self._elector.run(self._lead)
        finally:
            await self._events.aclose()
            await self._kube.aclose()

    async def _lead(self, term: Term) -> None:
        """Lead until the term ends; losing it is no error, it makes this process a standby."""
        try:
            await self._leader.lead(term)
        except* LeadershipLost as lost:
            _log.warning("leadership lost", extra={"detail": _first_of(lost)})

    def _judge_refusal(self, refusal: Fenced) -> AssentError:
        term = self._elector.term
        if term is None:
            return LeadershipLost("no term is running")
        return judge_refusal(term, refusal, now_monotonic_seconds=steady_seconds())

    async def _read_anew(self, kind: str, key: str) -> None:
        namespace, _, name = key.rpartition("/")
        self._world.observe(kind, await self._kube.get(kind, namespace, name))

    def _announce(self, cluster_key: str, notice: Notice) -> None:
        raw = self._world.raw((KINDS.cluster, cluster_key))
        if raw is not None:
            self._events.post(KINDS.cluster, raw, notice)

    async def _check_gate(self) -> Gate:
        report = await check_gate(self._kube, self._settings)
        tried_in = report.tried_in if report.problem is None else None
        return Gate(report.problem, report.deviates, tried_in, report.mark)

    def _observe(self, kind: str, event_type: str | None, raw: Raw) -> None:
        self._complete.told(kind, event_type, raw)
        if kind in GATE_KINDS:
            if raw["metadata"]["name"].startswith(GATE_PREFIX):
                self._leader.gate_moved(opening_shown_by(kind, event_type, raw, self._settings))
        elif event_type == "DELETED":
            self._world.bury(kind, raw)
        else:
            self._world.observe(kind, raw)

    def _observe_proposal(self, raw: Raw) -> None:
        self._world.observe(KINDS.proposal, raw)

    def _changed(self, key: tuple[str, str]) -> None:
        self._leader.changed(key)

    def _malformed(self, key: tuple[str, str], error: AssentError) -> None:
        self._metrics.malformed_objects.labels(kind=key[0]).inc()
        _log.error(
            "object cannot be read",
            extra={"kind": key[0], "object": key[1], "detail": error.message},
        )


def _first_of(group: BaseExceptionGroup[BaseException]) -> str:
    """Return the words of the first error, however deep the groups around it."""
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first)


def main() -> int:
    """Run the operator; return the exit code of the process."""
    try:
        settings = Settings.from_environment(os.environ)
        short = too_short(settings.lease, timeout_seconds=PD_TIMEOUTS.total_seconds)
        if short is not None:
            raise SettingsError((short,))
    except SettingsError as error:
        for mistake in error.mistakes:
            print(mistake, file=sys.stderr)  # noqa: T201 - logging is not configured yet
        return 2
    configure_logging(settings.log_level)
    try:
        asyncio.run(App(settings).run())
    except (asyncio.CancelledError, KeyboardInterrupt):
        _log.info("stopped")
        return 0
    except BaseException as error:  # the process's top: said, then ended, then started anew
        _log.critical("ended", exc_info=error)
        logging.shutdown()
        # Work that ignored its cancellation must not outlive leadership: no clean-up, no waiting.
        os._exit(1)
    return 0
