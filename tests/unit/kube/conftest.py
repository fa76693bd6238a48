"""A client of the API server that speaks plain HTTP to a server of the test."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from assent.kube.client import KubeClient
from assent.settings import Settings

NewClient = Callable[[str], KubeClient]


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """The file that the client reads its token from."""
    path = tmp_path / "token"
    path.write_text("first-token\n")
    return path


@pytest.fixture
def calls() -> list[tuple[str, str, str]]:
    """(verb, kind, code) of every request the client reported."""
    return []


@pytest.fixture
async def new_client(
    token_file: Path, calls: list[tuple[str, str, str]], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[NewClient]:
    """Make clients for a URL; all are closed after the test."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # must never be looked at
    made: list[KubeClient] = []
    settings = Settings.from_environment(
        {
            "ASSENT_API_SERVER": "https://127.0.0.1:1",
            "ASSENT_CA_FILE": "",
            "ASSENT_TOKEN_FILE": str(token_file),
            "POD_NAME": "pod-0",
        }
        | {"ASSENT_CA_FILE": _any_authority(token_file.parent)}
    )

    def make(url: str) -> KubeClient:
        client = KubeClient(
            replace(settings, api_server=url),
            on_request=lambda verb, kind, code, _: calls.append((verb, kind, code)),
        )
        made.append(client)
        return client

    yield make
    for client in made:
        await client.aclose()


def _any_authority(folder: Path) -> str:
    from tests.support.certificates import Authority

    path = folder / "ca.crt"
    path.write_bytes(Authority("nobody asked").pem)
    return str(path)
