"""Settings come from the environment once, and every mistake names its variable."""

from pathlib import Path

import pytest

from assent.settings import SERVICE_ACCOUNT_FOLDER, LeaseTiming, Settings, SettingsError

IN_POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443", "POD_NAME": "a"}
OUTSIDE = {
    "ASSENT_API_SERVER": "https://127.0.0.1:6443/",
    "ASSENT_CA_FILE": "/ca",
    "ASSENT_TOKEN_FILE": "/token",
    "POD_NAME": "a",
}


def test_in_a_pod_nothing_but_its_name_is_needed() -> None:
    """The chart sets POD_NAME; everything else has a default that is right in a pod."""
    settings = Settings.from_environment(IN_POD)
    assert settings.api_server == "https://10.0.0.1:443"
    assert settings.ca_file == SERVICE_ACCOUNT_FOLDER / "ca.crt"
    assert settings.token_file == SERVICE_ACCOUNT_FOLDER / "token"
    assert settings.username == "system:serviceaccount:assent-system:assent"
    assert (settings.http_host, settings.http_port) == ("0.0.0.0", 8080)  # noqa: S104
    assert settings.lease == LeaseTiming(15.0, 10.0, 2.0)
    assert settings.watch_namespaces == ()
    assert settings.log_level == "INFO"


def test_an_ipv6_service_address_gets_brackets() -> None:
    """Kubernetes sets the bare address; without brackets the URL would be another one."""
    settings = Settings.from_environment({**IN_POD, "KUBERNETES_SERVICE_HOST": "fd00::1"})
    assert settings.api_server == "https://[fd00::1]:443"


def test_outside_a_pod_the_three_variables_say_where_to_go() -> None:
    """They win over the in-cluster ones, which a developer's shell may have too."""
    settings = Settings.from_environment({**IN_POD, **OUTSIDE})
    assert settings.api_server == "https://127.0.0.1:6443"
    assert (settings.ca_file, settings.token_file) == (Path("/ca"), Path("/token"))


def test_every_setting_can_be_set() -> None:
    """Each variable reaches its field."""
    settings = Settings.from_environment(
        {
            **OUTSIDE,
            "POD_NAMESPACE": "ops",
            "ASSENT_SERVICE_ACCOUNT": "robot",
            "ASSENT_HTTP_ADDRESS": "[::1]:9090",
            "ASSENT_LEASE_DURATION_SECONDS": "4",
            "ASSENT_RENEW_DEADLINE_SECONDS": "3",
            "ASSENT_RETRY_PERIOD_SECONDS": "0.5",
            "ASSENT_WATCH_NAMESPACES": " b, a ,,b",
            "ASSENT_LOG_LEVEL": "debug",
        }
    )
    assert settings.username == "system:serviceaccount:ops:robot"
    assert (settings.http_host, settings.http_port) == ("::1", 9090)
    assert settings.lease == LeaseTiming(4.0, 3.0, 0.5)
    assert settings.watch_namespaces == ("a", "b")
    assert settings.log_level == "DEBUG"


@pytest.mark.parametrize(
    ("changes", "names", "why"),
    [
        ({"POD_NAME": " "}, "POD_NAME", "blank is as good as absent"),
        ({"ASSENT_CA_FILE": ""}, "ASSENT_CA_FILE", "two of three is a half-finished setup"),
        ({"ASSENT_API_SERVER": ""}, "ASSENT_API_SERVER", "the URL is one of the three"),
        ({"ASSENT_API_SERVER": "http://x"}, "ASSENT_API_SERVER", "the token would go in clear"),
        ({"ASSENT_API_SERVER": "https://u:p@x"}, "ASSENT_API_SERVER", "no secrets in settings"),
        ({"ASSENT_HTTP_ADDRESS": "8080"}, "ASSENT_HTTP_ADDRESS", "a port alone is ambiguous"),
        ({"ASSENT_HTTP_ADDRESS": "h:99999"}, "ASSENT_HTTP_ADDRESS", "no such port"),
        ({"ASSENT_LEASE_DURATION_SECONDS": "soon"}, "ASSENT_LEASE_DURATION_SECONDS", "no number"),
        ({"ASSENT_LEASE_DURATION_SECONDS": "nan"}, "ASSENT_LEASE_DURATION_SECONDS", "not finite"),
        ({"ASSENT_LEASE_DURATION_SECONDS": "10"}, "ASSENT_RENEW_DEADLINE_SECONDS", "no slack"),
        ({"ASSENT_RETRY_PERIOD_SECONDS": "9"}, "ASSENT_RETRY_PERIOD_SECONDS", "no second try"),
        ({"ASSENT_LOG_LEVEL": "LOUD"}, "ASSENT_LOG_LEVEL", "unknown"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_its_variable(
    changes: dict[str, str], names: str, why: str
) -> None:
    """Whoever reads the crash log must know what to change."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({**OUTSIDE, **changes})
    assert len(caught.value.mistakes) == 1, why
    assert names in caught.value.mistakes[0]


def test_all_mistakes_are_told_at_once() -> None:
    """Nobody should have to restart a pod once per mistake."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"ASSENT_LOG_LEVEL": "x"})
    assert len(caught.value.mistakes) == 3
    assert "KUBERNETES_SERVICE_HOST" in str(caught.value)
