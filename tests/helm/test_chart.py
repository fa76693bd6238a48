"""The chart as text: it installs what the kustomization does, and refuses wrong values."""

from typing import Any

import pytest
import yaml

from assent.settings import Settings
from tests.helm.rendering import CHART, ROOT, chart, helm, kustomization, objects, succeed

DEPLOYMENT = ("Deployment", "assent-system", "assent")


def test_lint_is_clean() -> None:
    """With the real helm, warnings counted as errors."""
    assert "0 chart(s) failed" in succeed(helm("lint", "--strict", str(CHART)))


def test_chart_and_kustomization_install_the_same() -> None:
    """Field by field; only the namespace is left to helm's --create-namespace."""
    by_kustomize = kustomization("deploy")
    del by_kustomize["Namespace", "", "assent-system"]
    by_chart = chart()
    assert set(by_chart) == set(by_kustomize)
    for key, document in by_kustomize.items():
        assert by_chart[key] == document, key


def test_release_namespace_reaches_everything() -> None:
    """Installed elsewhere, no object and no expression speaks of the default namespace."""
    rendered = chart(namespace="ops")
    text = yaml.safe_dump(list(rendered.values()))
    assert "assent-system" not in text
    assert "system:serviceaccount:ops:assent" in text
    assert {namespace for _, namespace, _ in rendered} == {"", "ops"}


def test_secrets_are_readable_where_asked_only() -> None:
    """The least right: a Role in each named namespace, nothing cluster-wide."""
    assert not any(name == "assent-secrets" for _, _, name in chart())
    rendered = chart("--set", "secretNamespaces={tikv,other}")
    assert ("Role", "other", "assent-secrets") in rendered
    sample = objects((ROOT / "deploy/samples/secret-reader.yaml").read_text())
    for key, document in sample.items():
        assert rendered[key] == document


def test_network_policy_is_that_of_the_kustomization() -> None:
    """Optional in both, the same in both."""
    key = ("NetworkPolicy", "assent-system", "assent")
    assert key not in chart()
    rendered = chart("--set", "networkPolicy.enabled=true")
    assert rendered[key] == kustomization("deploy/network-policy")[key]


def test_disruption_budget_can_be_left_out() -> None:
    """For one replica it would block every drain."""
    key = ("PodDisruptionBudget", "assent-system", "assent")
    assert key in chart()
    assert key not in chart("--set", "podDisruptionBudget.enabled=false")


def pod_of(rendered: dict[tuple[str, str, str], dict[str, Any]]) -> dict[str, Any]:
    return dict(rendered[DEPLOYMENT]["spec"]["template"])


def environment(pod: dict[str, Any]) -> dict[str, str]:
    fields = {
        "metadata.name": "assent-0",
        "metadata.namespace": "assent-system",
        "spec.serviceAccountName": pod["spec"]["serviceAccountName"],
    }
    (container,) = pod["spec"]["containers"]
    return {
        item["name"]: item["value"]
        if "value" in item
        else fields[item["valueFrom"]["fieldRef"]["fieldPath"]]
        for item in container["env"]
    }


def test_operator_understands_its_environment() -> None:
    """Every variable is one that the operator reads, and all together make valid settings."""
    variables = environment(pod_of(chart()))
    source = (ROOT / "operator/assent/settings.py").read_text()
    for name in variables:
        assert f'"{name}"' in source, name
    in_pod = {**variables, "KUBERNETES_SERVICE_HOST": "10.96.0.1"}
    settings = Settings.from_environment(in_pod)
    assert settings.username == "system:serviceaccount:assent-system:assent"
    assert settings.lease == Settings.from_environment({**in_pod, **_without_lease(in_pod)}).lease
    assert settings.watch_namespaces == ()


def _without_lease(variables: dict[str, str]) -> dict[str, str]:
    """Return the timing variables emptied: what follows are the operator's own defaults."""
    return {name: "" for name in variables if name.endswith("_SECONDS")}


def test_values_reach_the_operator() -> None:
    """What is set in values is what the operator reads."""
    pod = pod_of(
        chart(
            *("--set", "watchNamespaces={a,b}"),
            *("--set", "logLevel=DEBUG"),
            *("--set", "lease.durationSeconds=30"),
            *("--set", "image.repository=registry.example/assent"),
            *("--set", "image.tag=v9"),
            *("--set", "podLabels.team=db"),
            *("--set", "podAnnotations.note=x"),
            *("--set", "nodeSelector.disk=ssd"),
            *("--set", "imagePullSecrets[0].name=pull"),
            *("--set-json", 'tolerations=[{"operator": "Exists"}]'),
            *("--set-json", 'affinity={"podAntiAffinity": {}}'),
        )
    )
    settings = Settings.from_environment(
        {**environment(pod), "KUBERNETES_SERVICE_HOST": "10.96.0.1"}
    )
    assert settings.watch_namespaces == ("a", "b")
    assert settings.log_level == "DEBUG"
    assert settings.lease.duration_seconds == 30
    assert pod["spec"]["containers"][0]["image"] == "registry.example/assent:v9"
    assert pod["metadata"]["labels"]["team"] == "db"
    assert pod["metadata"]["annotations"] == {"note": "x"}
    assert pod["spec"]["nodeSelector"] == {"disk": "ssd"}
    assert pod["spec"]["imagePullSecrets"] == [{"name": "pull"}]
    assert pod["spec"]["tolerations"] == [{"operator": "Exists"}]
    assert pod["spec"]["affinity"] == {"podAntiAffinity": {}}


def test_labels_of_a_user_cannot_break_the_selector() -> None:
    """A Deployment whose pods do not match its selector would be refused."""
    pod = pod_of(chart("--set", r"podLabels.app\.kubernetes\.io/name=other"))
    assert pod["metadata"]["labels"]["app.kubernetes.io/name"] == "assent"


def test_pod_is_restricted() -> None:
    """The namespace enforces the restricted profile; the pod must pass it."""
    spec = pod_of(chart())["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


WRONG: list[tuple[str, tuple[str, ...], str]] = [
    ("a misspelt value", ("--set", "replica=3"), "replica"),
    ("a misspelt value further down", ("--set", "image.tags=1"), "tags"),
    ("text for a number", ("--set", "replicas=two"), "replicas"),
    ("fewer than no replicas", ("--set", "replicas=-1"), "replicas"),
    ("a log level that nobody knows", ("--set", "logLevel=LOUD"), "logLevel"),
    ("a pull policy that nobody knows", ("--set", "image.pullPolicy=Often"), "pullPolicy"),
    ("no image", ("--set", "image.repository="), "repository"),
    ("a namespace in capitals", ("--set", "watchNamespaces={Prod}"), "watchNamespaces"),
    ("a namespace twice", ("--set", "secretNamespaces={a,a}"), "secretNamespaces"),
    ("a lease of no time", ("--set", "lease.durationSeconds=0"), "durationSeconds"),
    (
        "a leader that stops after the next may start",
        ("--set", "lease.renewDeadlineSeconds=15"),
        "lease.renewDeadlineSeconds must be less than lease.durationSeconds",
    ),
    (
        "renewals further apart than the deadline",
        ("--set", "lease.retryPeriodSeconds=9"),
        "lease.retryPeriodSeconds x 1.2 must be less than lease.renewDeadlineSeconds",
    ),
    (
        "a lease in which no call to PD fits",
        ("--set", "lease.renewDeadlineSeconds=6"),
        "lease.renewDeadlineSeconds must be 5 more than lease.retryPeriodSeconds",
    ),
    ("a Kubernetes without admission policies", ("--kube-version", "1.29.0"), "kubeVersion"),
]


@pytest.mark.parametrize(("why", "arguments", "names"), WRONG, ids=[case[0] for case in WRONG])
def test_wrong_value_is_refused_by_name(why: str, arguments: tuple[str, ...], names: str) -> None:
    """Before anything is installed, with the value's name in the sentence."""
    done = helm("template", "assent", str(CHART), *arguments)
    assert done.returncode != 0
    assert names in done.stderr
