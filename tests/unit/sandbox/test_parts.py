"""How the parts of a sandbox are started: on loopback, on ports of their own, well hidden keys."""

import re
import stat
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from sandbox.apiproxies import ApiProxies
from sandbox.child import Child
from sandbox.controlplane import ControlPlane
from sandbox.layout import Layout
from sandbox.pdcluster import PdCluster
from sandbox.stores import Stores

BINARIES = {
    name: Path("/bin") / name
    for name in ("etcd", "kube-apiserver", "pd-server", "pdproxy", "tikvsim")
}
# scheme://host:port, host:port, or a flag that is a port.
ADDRESS = re.compile(r"(?:https?://)?([\w.]+):(\d+)")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.pki.mkdir()
    return made


@pytest.fixture
async def plane(layout: Layout) -> ControlPlane:
    return ControlPlane(layout, BINARIES)


def flags(child: Child) -> dict[str, str]:
    """Its command line, `--name=value`."""
    words = [word.removeprefix("--").partition("=") for word in child.arguments[1:]]
    return {name: value for name, _, value in words}


def cluster(layout: Layout, members: int, **schedule: object) -> PdCluster:
    return PdCluster(layout, BINARIES, members=members, schedule=schedule)


def stores(layout: Layout) -> Stores:
    return Stores(layout, BINARIES, pd_urls=["http://127.0.0.1:2"], stores=4, regions=300)


def everyone(layout: Layout, plane: ControlPlane) -> Iterator[Child]:
    """Every process that a large sandbox has."""
    yield from (plane.etcd, plane.apiserver, stores(layout).child)
    for member in cluster(layout, 3).members:
        yield from (member.server, member.proxy)
    proxies = ApiProxies(layout, BINARIES, port=plane.port, count=2)
    yield from (proxy.child for proxy in proxies.proxies)


async def test_nothing_listens_beyond_loopback(layout: Layout, plane: ControlPlane) -> None:
    """A sandbox has no passwords, and an administrator who signs anybody's certificate."""
    for child in everyone(layout, plane):
        found = ADDRESS.findall(" ".join(child.arguments))
        assert found, child.name
        assert {host for host, _ in found} == {"127.0.0.1"}, child.name
    assert flags(plane.apiserver)["bind-address"] == "127.0.0.1"
    assert flags(plane.apiserver)["advertise-address"] == "127.0.0.1"


async def test_every_process_has_a_log_of_its_own(layout: Layout, plane: ControlPlane) -> None:
    """Named as `status` names the process."""
    children = list(everyone(layout, plane))
    assert len({child.name for child in children}) == len(children)
    for child in children:
        assert child.log == layout.log(child.name)


@pytest.mark.parametrize("members", [1, 3])
def test_every_member_has_its_own_ports(layout: Layout, members: int) -> None:
    """Client, peer, proxy and control of each: none twice."""
    made = cluster(layout, members).members
    urls = [
        url
        for member in made
        for url in (member.direct_url, member.proxy_url, member.control_url, member.peer_url)
    ]
    assert len(set(urls)) == 4 * members


@pytest.mark.parametrize("members", [1, 3])
def test_who_follows_pd_comes_through_the_proxies(layout: Layout, members: int) -> None:
    """PD advertises them: a client that looks for the leader is journaled, whoever leads."""
    for member in cluster(layout, members).members:
        told = flags(member.server)
        assert told["advertise-client-urls"] == member.proxy_url
        assert told["client-urls"] == member.direct_url
        assert f"http://{flags(member.proxy)['listen']}" == member.proxy_url
        assert f"http://{flags(member.proxy)['upstream']}" == member.direct_url
        assert flags(member.proxy)["journal"] == str(layout.journal(member.name))


def test_all_members_are_told_of_the_same_cluster(layout: Layout) -> None:
    """Else each would found one of its own."""
    made = cluster(layout, 3).members
    initial = ",".join(f"{member.name}={member.peer_url}" for member in made)
    assert {flags(member.server)["initial-cluster"] for member in made} == {initial}
    assert len({flags(member.server)["data-dir"] for member in made}) == 3


def test_a_second_try_has_no_data_of_the_first(layout: Layout) -> None:
    """Made again on other ports, PD would refuse data that knows the old ones."""
    first, second = cluster(layout, 1).members[0], cluster(layout, 1).members[0]
    assert flags(first.server)["data-dir"] != flags(second.server)["data-dir"]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        pytest.param({}, {}, id="PD's own defaults"),
        pytest.param(
            {"max-store-down-time": "1m", "leader-schedule-limit": 0, "enable-x": False},
            {"max-store-down-time": "1m", "leader-schedule-limit": 0, "enable-x": False},
            id="words, numbers and truth values",
        ),
        pytest.param({"a": 'with "quotes" \\ é'}, {"a": 'with "quotes" \\ é'}, id="hard words"),
    ],
)
def test_settings_reach_pds_file_as_they_are(
    layout: Layout, schedule: dict[str, object], expected: dict[str, object]
) -> None:
    """A test that thinks it lowered a limit must have."""
    (member,) = cluster(layout, 1, **schedule).members
    written = tomllib.loads(Path(flags(member.server)["config"]).read_text())
    assert written["schedule"] == expected
    assert written["lease"] == 2


async def test_the_api_server_speaks_to_this_etcd(plane: ControlPlane) -> None:
    """And etcd to nobody else."""
    etcd = flags(plane.etcd)
    assert flags(plane.apiserver)["etcd-servers"] == etcd["listen-client-urls"]
    assert etcd["initial-cluster"] == f"etcd={etcd['listen-peer-urls']}"


async def test_the_api_server_asks_who_one_is_and_what_one_may(plane: ControlPlane) -> None:
    """RBAC alone: any other authorizer would hide a missing right in the shipped roles."""
    told = flags(plane.apiserver)
    assert told["authorization-mode"] == "RBAC"
    assert "anonymous-auth" not in told
    assert told["audit-log-mode"] == "blocking"


async def test_keys_are_for_their_owner_only(layout: Layout, plane: ControlPlane) -> None:
    """Another user of the machine could be administrator with them."""
    secret = [*layout.pki.glob("*.key"), layout.kubeconfig]
    assert len(secret) >= 4
    for path in secret:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name
    assert plane.url in layout.kubeconfig.read_text()


async def test_the_certificate_of_the_api_server_fits_its_address(
    layout: Layout, plane: ControlPlane
) -> None:
    """Clients compare; the operators' proxies show the same one."""
    path = layout.pki / "apiserver.crt"
    assert flags(plane.apiserver)["tls-cert-file"] == str(path)
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "127.0.0.1" in [str(ip) for ip in names.get_values_for_type(x509.IPAddress)]


@pytest.mark.parametrize("whole", [False, True])
async def test_the_audit_log_has_a_line_for_every_request(layout: Layout, whole: bool) -> None:
    """Tests count writes in it; on demand our own objects are in it whole, and no secret ever."""
    ControlPlane(layout, BINARIES, audit_objects=whole)
    policy = yaml.safe_load((layout.pki / "audit-policy.yaml").read_text())
    *ours, rest = policy["rules"]
    assert rest == {"level": "Metadata"}
    assert policy["omitStages"] == ["RequestReceived", "ResponseStarted"]
    assert [rule["level"] for rule in ours] == (["RequestResponse"] if whole else [])
    for rule in ours:
        assert [one["group"] for one in rule["resources"]] == ["assent.tikv.org"]


def test_only_the_operators_that_shall_have_a_proxy(layout: Layout) -> None:
    """The others reach the API server itself."""
    proxies = ApiProxies(layout, BINARIES, port=6443, count=2)
    urls = [proxies.url_for(number, "https://direct") for number in (1, 2, 3)]
    assert urls[2] == "https://direct"
    assert len(set(urls)) == 3
    for number, proxy in enumerate(proxies.proxies, start=1):
        assert flags(proxy.child)["journal"] == str(layout.api_journal(number))
        assert flags(proxy.child)["upstream"] == "127.0.0.1:6443"


def test_without_proxies_no_port_is_taken(layout: Layout) -> None:
    """The default."""
    assert ApiProxies(layout, BINARIES, port=6443, count=0).proxies == []


def test_the_stores_are_as_many_as_were_asked_for(layout: Layout) -> None:
    """And speak to PD itself: their heartbeats are not what is journaled."""
    told = flags(stores(layout).child)
    assert (told["stores"], told["regions"], told["pd"]) == ("4", "300", "http://127.0.0.1:2")
    assert told["log"] == str(layout.effects)


@pytest.mark.parametrize(
    "parts",
    [("etcd", "kube-apiserver"), ("pd-0", "pdproxy-0"), ("tikvsim",), ("apiproxy-1",)],
    ids="+".join,
)
async def test_ready_waits_for_a_part_that_runs(
    layout: Layout, parts: Sequence[str], tmp_path: Path
) -> None:
    """A program that ends at once is told at once, not after a minute."""
    ends = tmp_path / "ends"
    ends.write_text("#!/bin/sh\necho the flags are wrong\nexit 2\n")
    ends.chmod(0o755)
    broken = dict.fromkeys(BINARIES, ends)
    plane = ControlPlane(layout, broken)
    made: dict[str, ControlPlane | PdCluster | Stores | ApiProxies] = {
        "etcd": plane,
        "pd-0": PdCluster(layout, broken, members=1, schedule={}),
        "tikvsim": Stores(layout, broken, pd_urls=[], stores=1, regions=5),
        "apiproxy-1": ApiProxies(layout, broken, port=1, count=1),
    }
    part = made[parts[0]]
    with pytest.raises(Exception, match=r"exit code 2.*\n.*the flags are wrong") as told:
        await part.start()
    assert str(told.value).startswith(tuple(parts))
    await part.stop()
    await plane.api.close()
