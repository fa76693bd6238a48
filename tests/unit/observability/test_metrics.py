"""The catalogue of metrics."""

import re

from prometheus_client import CollectorRegistry

from assent.observability.metrics import Metrics

UNBOUNDED = {"name", "namespace", "proposal", "cluster", "object", "uid", "store", "region", "url"}


def test_every_metric_is_ours_by_name_and_says_what_it_counts() -> None:
    """Help is what people see in their dashboards' explorers."""
    for family in Metrics().registry.collect():
        assert family.name.startswith("assent_")
        assert re.fullmatch(r"[A-Z0-9].*\.", family.documentation), family.name


def test_no_label_grows_with_the_number_of_objects() -> None:
    """A label per proposal would make the operator the biggest tenant of Prometheus."""
    metrics = Metrics()
    for collector in vars(metrics).values():
        labels = set(getattr(collector, "_labelnames", ()))
        assert not labels & UNBOUNDED


def test_two_catalogues_do_not_meet() -> None:
    """Tests, and two operators in one process, must not count for each other."""
    one, two = Metrics(), Metrics(CollectorRegistry())
    one.late_calls.inc()
    assert two.registry.get_sample_value("assent_late_calls_total") == 0


def test_requests_to_the_api_server_are_counted_and_timed() -> None:
    """By verb, kind and status."""
    metrics = Metrics()
    metrics.kube_request("get", "TiKVCluster", "200", 0.004)
    labels = {"verb": "get", "kind": "TiKVCluster", "code": "200"}
    assert metrics.registry.get_sample_value("assent_kube_calls_total", labels) == 1
    timed = {"verb": "get", "kind": "TiKVCluster"}
    assert metrics.registry.get_sample_value("assent_kube_call_seconds_sum", timed) == 0.004


def test_requests_to_pd_are_counted_with_their_bytes() -> None:
    """Promise 6 (cost does not grow with the cluster) is watched by these."""
    metrics = Metrics()
    metrics.pd_request("GET", "/pd/api/v1/stores", "ok", 0.01, 1234)
    labels = {"method": "GET", "route": "/pd/api/v1/stores", "outcome": "ok"}
    assert metrics.registry.get_sample_value("assent_pd_calls_total", labels) == 1
    assert metrics.registry.get_sample_value("assent_pd_bytes_total") == 1234
