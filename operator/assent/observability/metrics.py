"""Every metric there is. Labels are bounded: kinds, codes, reasons; never an object's name."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from assent.api.v1alpha1.tikvcluster import Tier

FAST_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SLOW_SECONDS: Final = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class Metrics:
    """The catalogue, registered once on the registry given. Nobody else makes a metric."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Register on ``registry``; None makes one that nothing else writes to."""
        registry = registry if registry is not None else CollectorRegistry()
        self.registry = registry
        self.leading = Gauge(
            "assent_leading", "1 while this process holds the Lease, else 0.", registry=registry
        )
        self.leader_epoch = Gauge(
            "assent_leader_epoch", "Epoch of the last term of this process.", registry=registry
        )
        self.leader_changes = self._counter(
            "assent_leader_changes_total", "Terms begun and ended by this process.", "event"
        )
        self.lease_renewal_seconds = Histogram(
            "assent_lease_renewal_seconds",
            "Time of one renewal of the Lease, successful or not.",
            registry=registry,
            buckets=FAST_SECONDS,
        )
        self.kube_calls = self._counter(
            "assent_kube_calls_total",
            "Calls to the API server by verb, kind and HTTP status (error: no answer).",
            "verb",
            "kind",
            "code",
        )
        self.kube_call_seconds = Histogram(
            "assent_kube_call_seconds",
            "Time of one call to the API server.",
            ("verb", "kind"),
            registry=registry,
            buckets=FAST_SECONDS,
        )
        self.events_posted = self._counter(
            "assent_events_total",
            "Kubernetes Events by what became of them: posted, repeated, failed, dropped.",
            "outcome",
        )
        self.gate_installed = Gauge(
            "assent_gate_installed",
            "1 while the approval gate stands and passed its self-test; 0 stops all execution.",
            registry=registry,
        )
        self.glass_broken = self._counter(
            "assent_glass_broken_total",
            "Proposals for which one person stands in for missing approvals. Alert on any.",
            "tier",
        )
        for tier in Tier:
            self.glass_broken.labels(tier=tier.value)  # from 0, so that an increase shows
        self.phase_changes = self._counter(
            "assent_proposal_phase_changes_total", "Proposals that entered a phase.", "phase"
        )
        self.proposals = Gauge(
            "assent_proposals", "Proposals by phase.", ("phase",), registry=registry
        )
        self.clusters = Gauge(
            "assent_clusters", "TiKVClusters by state.", ("state",), registry=registry
        )
        self.cycle_seconds = Histogram(
            "assent_detection_cycle_seconds",
            "Time of one detection cycle of one cluster.",
            registry=registry,
            buckets=SLOW_SECONDS,
        )
        self.pd_calls = self._counter(
            "assent_pd_calls_total",
            "Calls to PD by method, route without ids, and outcome.",
            "method",
            "route",
            "outcome",
        )
        self.pd_call_seconds = Histogram(
            "assent_pd_call_seconds",
            "Time of one call to PD.",
            ("method", "route"),
            registry=registry,
            buckets=FAST_SECONDS,
        )
        self.pd_call_bytes = Counter(
            "assent_pd_bytes_total", "Bytes of PD's answers.", registry=registry
        )
        self.pd_writes = self._counter(
            "assent_pd_writes_total", "Calls that change PD, by what is known of them.", "outcome"
        )
        self.late_calls = Counter(
            "assent_late_calls_total",
            "Calls to PD still in the air at the lease deadline. Alert on any.",
            registry=registry,
        )
        self.reconcile_errors = self._counter(
            "assent_reconcile_errors_total", "Failed looks at an object.", "kind", "reason"
        )
        self.execution_errors = self._counter(
            "assent_execution_errors_total", "Executions interrupted by an error.", "reason"
        )
        self.malformed_objects = self._counter(
            "assent_malformed_objects_total", "Objects read that do not fit their model.", "kind"
        )
        self.queue_depth = Gauge(
            "assent_queue_depth", "Keys waiting in the work queue.", registry=registry
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def kube_request(self, verb: str, kind: str, code: str, seconds: float) -> None:
        """Count one call to the API server; ``code`` is its HTTP status, or ``error``."""
        self.kube_calls.labels(verb=verb, kind=kind, code=code).inc()
        self.kube_call_seconds.labels(verb=verb, kind=kind).observe(seconds)

    def pd_request(
        self, method: str, route: str, outcome: str, seconds: float, body_bytes: int
    ) -> None:
        """Count one call to PD; ``route`` is its path without ids."""
        self.pd_calls.labels(method=method, route=route, outcome=outcome).inc()
        self.pd_call_seconds.labels(method=method, route=route).observe(seconds)
        self.pd_call_bytes.inc(body_bytes)
