"""Each operator has a way of its own to the API server, and faults on it hit nobody else."""

import sys
from pathlib import Path

import pytest
import yaml

from sandbox.apiproxies import ApiProxies
from sandbox.controlplane import AUDIT_OBJECTS, AUDIT_POLICY
from sandbox.errors import SandboxError
from sandbox.layout import Layout

# Stands in for the proxy: it takes orders, or ends at once.
PROGRAM = """#!{python}
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

if {broken}:
    sys.exit("no certificate")

class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{{}}")

(control,) = [word for word in sys.argv if word.startswith("--control=")]
host, _, port = control.removeprefix("--control=").partition(":")
HTTPServer((host, int(port)), Answers).serve_forever()
"""


def proxies(folder: Path, *, count: int = 2, broken: bool = False) -> ApiProxies:
    program = folder / "pdproxy"
    program.write_text(PROGRAM.format(python=sys.executable, broken=broken))
    program.chmod(0o700)
    return ApiProxies(Layout(folder), {"pdproxy": program}, port=6443, count=count)


async def test_every_proxy_takes_orders_once_started(tmp_path: Path) -> None:
    """And all are gone after the end."""
    made = proxies(tmp_path)
    await made.start()
    try:
        assert [proxy.child.state for proxy in made.proxies] == ["running", "running"]
    finally:
        await made.stop()
    assert [proxy.child.process_id for proxy in made.proxies] == [None, None]


async def test_one_that_ends_is_told_with_its_own_words(tmp_path: Path) -> None:
    """Not after a timeout, and not without a reason."""
    made = proxies(tmp_path, broken=True)
    try:
        with pytest.raises(SandboxError, match="no certificate"):
            await made.start()
    finally:
        await made.stop()


async def test_without_operators_there_is_nothing_to_wait_for(tmp_path: Path) -> None:
    """The usual sandbox has none."""
    await proxies(tmp_path, count=0).start()


def test_an_operator_without_a_proxy_goes_straight(tmp_path: Path) -> None:
    """A third one, started later, must still find the API server."""
    made = proxies(tmp_path)
    assert made.url_for(2, "https://direct") == made.proxies[1].url
    assert made.url_for(3, "https://direct") == "https://direct"


def test_proxies_share_no_port_and_no_journal(tmp_path: Path) -> None:
    """What one operator asked must not be counted for another."""
    made = proxies(tmp_path, count=3)
    words = [word for proxy in made.proxies for word in proxy.child.arguments]
    for name in ("listen", "control", "journal"):
        assert len({word for word in words if word.startswith(f"--{name}=")}) == 3


@pytest.mark.parametrize(
    ("rules", "levels"),
    [
        pytest.param("", ["Metadata"], id="as ever"),
        pytest.param(AUDIT_OBJECTS, ["RequestResponse", "Metadata"], id="with whole objects"),
    ],
)
def test_the_audit_policy_is_one(rules: str, levels: list[str]) -> None:
    """The first rule that matches decides: that for our objects comes first."""
    policy = yaml.safe_load(AUDIT_POLICY.format(rules=rules))
    assert [rule["level"] for rule in policy["rules"]] == levels
