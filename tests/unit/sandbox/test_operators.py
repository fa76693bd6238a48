"""An operator's credential and its Pod, on a fake API server; its process only sleeps."""

import json
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sandbox import operators
from sandbox.kubeapi import KubeApi
from sandbox.layout import Layout
from sandbox.operators import PODS, TOKENS, OperatorProcess
from sandbox.pki import Authority, write_private
from sandbox.waiting import wait_until
from tests.unit.sandbox.fake_api import FakeApi, serving

SLEEPS = [sys.executable, "-c", "import time; time.sleep(600)"]
PATIENCE_SECONDS = 60


def token(text: str) -> tuple[int, object]:
    return 201, {"status": {"token": text}}


@pytest.fixture
def served() -> Iterator[FakeApi]:
    table: dict[str, list[tuple[int, object]]] = {
        f"GET {PODS}": [(200, {"items": []})],
        f"POST {PODS}": [(201, {"metadata": {"name": "assent-1-abcde", "uid": "u-1"}})],
        f"PATCH {PODS}/assent-1-abcde/status": [(200, {})],
        f"POST {TOKENS}": [token("first"), token("second"), token("third")],
    }
    with serving(FakeApi(table)) as api:
        yield api


@pytest.fixture
async def operator(served: FakeApi, tmp_path: Path) -> AsyncIterator[OperatorProcess]:
    """Not started yet."""
    authority = Authority.create(tmp_path)
    admin = authority.client("admin")
    (tmp_path / "admin.crt").write_bytes(admin.certificate)
    write_private(tmp_path / "admin.key", admin.key)
    api = KubeApi(
        served.url,
        authority=tmp_path / "ca.crt",
        certificate=tmp_path / "admin.crt",
        key=tmp_path / "admin.key",
    )
    process = OperatorProcess(1, api, Layout(tmp_path / "box"), server="https://x", settings={})
    yield process
    await process.abandon()
    await api.close()


def token_file(tmp_path: Path) -> Path:
    return Layout(tmp_path / "box").operator(1) / "token"


async def until(tmp_path: Path, text: str) -> None:
    async def written() -> bool:
        return token_file(tmp_path).read_text() == text

    await wait_until(written, timeout_seconds=PATIENCE_SECONDS, what=f"token {text}")


async def test_the_token_is_renewed_at_half_its_life(
    operator: OperatorProcess, served: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run longer than an hour must not end with 401; the process reads the file anew."""
    monkeypatch.setattr(operators, "TOKEN_SECONDS", 0.1)
    await operator.start(command=SLEEPS)
    await until(tmp_path, "third")
    asked = [body for what, body in served.asked if what == f"POST {TOKENS}"]
    assert [body["spec"]["boundObjectRef"]["uid"] for body in asked[:3]] == ["u-1"] * 3
    assert token_file(tmp_path).stat().st_mode & 0o077 == 0


async def test_a_refused_renewal_is_tried_again_soon(
    operator: OperatorProcess, served: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API server may restart at that moment; the old token is still good for a while."""
    monkeypatch.setattr(operators, "TOKEN_SECONDS", 0.1)
    monkeypatch.setattr(operators, "TOKEN_RETRY_SECONDS", 0.01)
    served.answers[f"POST {TOKENS}"] = [token("first"), (503, {}), (503, {}), token("second")]
    await operator.start(command=SLEEPS)
    assert token_file(tmp_path).read_text() == "first"
    await until(tmp_path, "second")


async def test_nobody_renews_for_a_process_that_has_ended(
    operator: OperatorProcess, served: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token for a Pod that is gone would be refused for ever."""
    monkeypatch.setattr(operators, "TOKEN_SECONDS", 0.1)
    await operator.start(command=SLEEPS)
    await operator.kill()
    asked = len(served.asked)
    ended = [json.dumps(body) for what, body in served.asked if what.startswith("PATCH")][-1]
    assert '"signal": 9' in ended
    await wait_until(
        lambda: _has_ended(operator), timeout_seconds=PATIENCE_SECONDS, what="end of the renewal"
    )
    assert len(served.asked) == asked


async def _has_ended(operator: OperatorProcess) -> bool:
    return operator._refresh is not None and operator._refresh.done()


async def test_a_pod_that_cannot_be_told_is_told_later(
    operator: OperatorProcess, served: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ended must say so, however often the API server is away."""
    monkeypatch.setattr(operators, "STATUS_RETRY_SECONDS", 0.01)
    await operator.start(command=SLEEPS)
    status = f"PATCH {PODS}/assent-1-abcde/status"
    served.answers[status] = [(503, {}), (503, {}), (200, {})]
    await operator.stop()
    told = [body["status"] for what, body in served.asked if what == status][1:]
    assert len(told) == 3
    assert {status["phase"] for status in told} == {"Failed"}
    ended = told[-1]["containerStatuses"][0]["state"]["terminated"]
    assert ended["signal"] == signal.SIGTERM


async def test_settings_are_kept_for_the_next_start(
    operator: OperatorProcess, tmp_path: Path
) -> None:
    """`operator stop` and `start` on the command line must not lose what a test has set."""
    out = tmp_path / "told"
    program = f"import os; open({str(out)!r}, 'w').write(os.environ['ASSENT_X'])"
    await operator.start({"ASSENT_X": "kept"}, [sys.executable, "-c", program])
    for _ in range(2):
        await wait_until(
            lambda: _is_gone(operator), timeout_seconds=PATIENCE_SECONDS, what="its end"
        )
        assert out.read_text() == "kept"
        out.unlink()
        await operator.start(command=[sys.executable, "-c", program])
    await wait_until(lambda: _is_gone(operator), timeout_seconds=PATIENCE_SECONDS, what="its end")


async def _is_gone(operator: OperatorProcess) -> bool:
    return operator.process_id is None
