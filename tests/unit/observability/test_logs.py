"""Log lines are JSON, with constant messages and without secrets."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from assent.observability.logs import HIDDEN, MAX_VALUE, JsonFormatter, configure_logging, redact

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrOHMifQ.c2lnbmF0dXJl"


def line(message: str = "said", **extra: Any) -> dict[str, Any]:
    """Return the formatted record, decoded."""
    record = logging.getLogger("assent.x").makeRecord(
        "assent.x", logging.INFO, "f", 1, message, (), None, extra=extra
    )
    decoded: dict[str, Any] = json.loads(JsonFormatter().format(record))
    return decoded


@pytest.fixture
def untouched_root() -> Iterator[None]:
    """Put the logging of the test run back."""
    root, ours = logging.getLogger(), logging.getLogger("assent")
    before = (list(root.handlers), root.level, ours.level)
    yield
    root.handlers[:], level, our_level = before
    root.setLevel(level)
    ours.setLevel(our_level)
    logging.captureWarnings(capture=False)


def test_a_line_has_time_level_logger_message_and_what_was_given() -> None:
    """What varies stands beside the message, so that the message can be searched for."""
    found = line("intent stored", object="tikv/p", epoch=4, late=False, steps=[1, {"a": None}])
    assert found.pop("time").endswith("+00:00")
    assert found == {
        "level": "INFO",
        "logger": "assent.x",
        "message": "intent stored",
        "object": "tikv/p",
        "epoch": 4,
        "late": False,
        "steps": [1, {"a": None}],
    }


@pytest.mark.parametrize(
    "key",
    ["token", "bearerToken", "password", "Authorization", "api_key", "tls.key", "client_secret"],
)
def test_values_under_the_names_of_secrets_are_hidden(key: str) -> None:
    """Also nested: headers and bodies are often logged whole."""
    assert line(headers={key: "hunter2"})["headers"][key] == HIDDEN
    assert line(**{key: "hunter2"})[key] == HIDDEN


def test_the_name_of_a_secret_is_no_secret() -> None:
    """`secretName` tells people which object to look at."""
    assert line(secretName="pd-tls")["secretName"] == "pd-tls"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Authorization: Bearer abcdef123456", id="a header"),
        pytest.param(f"token {JWT} refused", id="a service account token"),
        pytest.param("https://user:hunter2@pd:2379/x", id="a URL with a password"),
        pytest.param(
            "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", id="a private key"
        ),
        pytest.param("-----BEGIN PRIVATE KEY-----\nMIIE", id="a private key, cut"),
        pytest.param("key sk-ant-REDACTED", id="an API key"),
    ],
)
def test_what_looks_like_a_credential_is_hidden_wherever_it_stands(text: str) -> None:
    """Errors of libraries quote what they were given."""
    assert HIDDEN in redact(text)
    for secret in ("abcdef123456", "c2lnbmF0dXJl", "hunter2", "MIIE", "abcdefghijklmnop"):
        assert secret not in line(text)["message"]
        assert secret not in line(detail=[text])["detail"][0]


def test_ordinary_text_stays_as_it_is() -> None:
    """Hiding too much makes logs useless."""
    text = "POST /pd/api/v1/schedulers: 200 OK (bearer of news, basic facts)"
    assert redact(text) == text


def test_an_exception_is_told_in_full_and_cleaned() -> None:
    """Tracebacks quote arguments."""
    try:
        raise ValueError("Bearer abcdef123456")
    except ValueError:
        record = logging.getLogger("x").makeRecord(
            "x", logging.ERROR, "f", 1, "failed", (), sys.exc_info()
        )
    found = json.loads(JsonFormatter().format(record))
    assert "ValueError" in found["exception"]
    assert "abcdef123456" not in found["exception"]


def test_a_huge_value_is_cut_and_a_strange_one_is_told() -> None:
    """One line must never be megabytes, or fail to be written."""
    assert len(line(body="x" * 100_000)["body"]) == MAX_VALUE
    assert line(odd=object())["odd"].startswith("<object")


def test_extra_never_replaces_what_a_line_always_has() -> None:
    """`level` given as a value must not hide the level."""
    assert line(level="mine")["level"] == "INFO"


@pytest.mark.usefixtures("untouched_root")
def test_ours_speak_from_the_level_libraries_from_warning() -> None:
    """Debugging us must not drown in the HTTP client's debug lines."""
    stream = io.StringIO()
    configure_logging("DEBUG", stream=stream)
    logging.getLogger("assent.kube").debug("ours")
    logging.getLogger("aiohttp").info("theirs")
    logging.getLogger("aiohttp").warning("loud")
    messages = [json.loads(text)["message"] for text in stream.getvalue().splitlines()]
    assert messages == ["ours", "loud"]


@pytest.mark.usefixtures("untouched_root")
def test_what_a_library_warns_of_at_every_start_and_we_take_care_of_is_left_out() -> None:
    """Our own main thread heeds the signals; a first line with a warning would worry people."""
    stream = io.StringIO()
    configure_logging("INFO", stream=stream)
    kopf = logging.getLogger("kopf._core.reactor.running")
    kopf.warning("OS signals are ignored: running not in the main thread.")
    kopf.warning("something else")
    (said,) = [json.loads(text)["message"] for text in stream.getvalue().splitlines()]
    assert said == "something else"
