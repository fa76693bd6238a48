"""Reading and writing objects without kubectl: the same words, the same paths, the same errors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.objects import ObjectError, Objects, Query, parse_query
from sandbox.pki import Authority, write_private
from tests.unit.sandbox.fake_api import FakeApi, serving

PROPOSALS = {
    "resource": "actionproposals",
    "responseKind": {"group": "", "version": "", "kind": "ActionProposal"},
    "scope": "Namespaced",
    "singularResource": "actionproposal",
    "shortNames": ["ap"],
}
NAMESPACES = {
    "resource": "namespaces",
    "responseKind": {"group": "", "version": "", "kind": "Namespace"},
    "scope": "Cluster",
    "singularResource": "namespace",
    "shortNames": ["ns"],
}
CORE = {"items": [{"versions": [{"version": "v1", "resources": [NAMESPACES]}]}]}
GROUP = {
    "metadata": {"name": "assent.tikv.org"},
    "versions": [{"version": "v1alpha1", "resources": [PROPOSALS]}],
}
AP = "/apis/assent.tikv.org/v1alpha1/namespaces/tikv/actionproposals"


@pytest.fixture
def api() -> Iterator[FakeApi]:
    table: dict[str, list[tuple[int, Any]]] = {
        "GET /api": [(200, CORE)],
        "GET /apis": [(200, {"items": [GROUP]})],
        f"GET {AP}/x": [(200, {"kind": "ActionProposal"})],
        f"GET {AP}": [(200, {"items": []})],
        f"PATCH {AP}/x": [(200, {})],
        f"DELETE {AP}/x": [(200, {})],
        "PATCH /api/v1/namespaces/tikv": [(201, {})],
    }
    with serving(FakeApi(table)) as running:
        yield running


@pytest.fixture
def objects(api: FakeApi, tmp_path: Path) -> Iterator[Objects]:
    authority = Authority.create(tmp_path)
    admin = authority.client("admin")
    (tmp_path / "admin.crt").write_bytes(admin.certificate)
    write_private(tmp_path / "admin.key", admin.key)
    found = Objects(api.url, pki=tmp_path)
    yield found
    found.close()


@pytest.mark.parametrize(
    ("line", "query"),
    [
        pytest.param("pods", Query("pods", None, "default"), id="all of the default namespace"),
        pytest.param("ap x -n tikv", Query("ap", "x", "tikv"), id="namespace last"),
        pytest.param("--namespace tikv ap x", Query("ap", "x", "tikv"), id="namespace first"),
        pytest.param("tikvclusters -A", Query("tikvclusters", None, ""), id="everywhere"),
        pytest.param("TiKVCluster demo", Query("tikvcluster", "demo", "default"), id="as a kind"),
        pytest.param("pods -l app=x", None, id="a selector: kubectl's own"),
        pytest.param("--raw /version", None, id="a path: kubectl's own"),
        pytest.param("pods,ns", None, id="two kinds: kubectl's own"),
        pytest.param("pod/x", None, id="kind and name in one: kubectl's own"),
        pytest.param("pods x y", None, id="two names: kubectl's own"),
        pytest.param("-n tikv", None, id="nothing to get"),
    ],
)
def test_the_words_of_kubectl_get_are_understood_or_left_to_it(
    line: str, query: Query | None
) -> None:
    """A word that is misread would read another object."""
    assert parse_query(line.split()) == query


@pytest.mark.parametrize("name", ["actionproposals", "actionproposal", "ap", "ap.assent.tikv.org"])
def test_a_kind_has_the_names_that_people_use(objects: Objects, name: str) -> None:
    """Plural, singular, short, and with its group."""
    assert objects.get(Query(name, "x", "tikv")) == {"kind": "ActionProposal"}


def test_kinds_are_discovered_once(objects: Objects, api: FakeApi) -> None:
    """A get is one request, not three."""
    for _ in range(3):
        objects.get(Query("ap", None, "tikv"))
    assert [what for what, _ in api.asked] == ["GET /api", "GET /apis", *[f"GET {AP}"] * 3]


def test_a_new_kind_is_looked_for_again(objects: Objects, api: FakeApi) -> None:
    """CRDs may be installed while the sandbox runs."""
    api.answers["GET /apis"].insert(0, (200, {"items": []}))
    objects.resource("ns")
    assert objects.resource("ap").kind == "ActionProposal"


def test_an_unknown_kind_is_told_as_kubectl_tells_it(objects: Objects) -> None:
    """404, after a second look."""
    with pytest.raises(ObjectError, match='resource type "nothing"') as caught:
        objects.get(Query("nothing", None, "tikv"))
    assert caught.value.status == 404


def test_a_refusal_has_the_servers_reason_and_message(objects: Objects, api: FakeApi) -> None:
    """Tests match on what people would read."""
    refusal = {"reason": "NotFound", "message": 'actionproposals "x" not found'}
    api.answers[f"GET {AP}/x"] = [(404, refusal)]
    expected = r'Error from server \(NotFound\): actionproposals "x" not found'
    with pytest.raises(ObjectError, match=expected) as caught:
        objects.get(Query("ap", "x", "tikv"))
    assert caught.value.status == 404


@pytest.mark.parametrize(
    ("manifest", "path"),
    [
        pytest.param(
            {
                "apiVersion": "assent.tikv.org/v1alpha1",
                "kind": "ActionProposal",
                "metadata": {"name": "x", "namespace": "tikv"},
            },
            f"{AP}/x",
            id="in its namespace",
        ),
        pytest.param(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "tikv"}},
            "/api/v1/namespaces/tikv",
            id="in none",
        ),
    ],
)
def test_applying_says_who_and_is_strict(
    objects: Objects, api: FakeApi, manifest: dict[str, Any], path: str
) -> None:
    """An unknown field is a mistake of the test's, and conflicts show as with kubectl."""
    objects.apply(manifest)
    assert api.asked[-1] == (f"PATCH {path}?fieldManager=kubectl&fieldValidation=Strict", manifest)


def test_patching_and_deleting_reach_the_object(objects: Objects, api: FakeApi) -> None:
    """What ends a test's namespace."""
    objects.patch(Query("ap", "x", "tikv"), {"metadata": {"finalizers": []}})
    objects.delete(Query("ap", "x", "tikv"))
    assert api.asked[-2:] == [
        (f"PATCH {AP}/x", {"metadata": {"finalizers": []}}),
        (f"DELETE {AP}/x", None),
    ]


def test_who_is_asked_to_come_back_does(objects: Objects, api: FakeApi) -> None:
    """429 while the API server fills its caches after a restart; kubectl comes back, too."""
    busy = {"reason": "TooManyRequests", "message": "storage is (re)initializing"}
    api.answers[f"GET {AP}/x"].insert(0, (429, busy))
    assert objects.get(Query("ap", "x", "tikv")) == {"kind": "ActionProposal"}


def test_who_is_told_to_come_back_at_once_does_not_do_so_for_ever(
    api: FakeApi, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Retry-After of 0 that never ends would hold a test until its time limit."""
    monkeypatch.setattr("sandbox.objects.LONGEST_WAIT_SECONDS", 0.3)
    objects.get(Query("ap", "x", "tikv"))
    api.headers["Retry-After"] = "0"
    api.answers[f"GET {AP}/x"] = [(429, {"reason": "TooManyRequests", "message": "again"})]
    before = len(api.asked)
    with pytest.raises(ObjectError, match="again") as caught:
        objects.get(Query("ap", "x", "tikv"))
    assert caught.value.status == 429
    assert 2 <= len(api.asked) - before <= 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("404 page not found", "404 page not found", id="a path that nobody serves"),
        pytest.param("[1, 2]", r"\[1, 2\]", id="JSON, but no object"),
        pytest.param("x" * 5000, "x" * 300 + "$", id="a long page is cut"),
    ],
)
def test_a_refusal_in_plain_text_is_a_refusal(
    objects: Objects, api: FakeApi, text: str, message: str
) -> None:
    """Go's own 404 and what stands before an API server speak no JSON."""
    api.answers[f"GET {AP}/x"] = [(404, text)]
    with pytest.raises(ObjectError, match=message) as caught:
        objects.get(Query("ap", "x", "tikv"))
    assert caught.value.status == 404


def test_no_answer_is_status_0(tmp_path: Path, api: FakeApi, objects: Objects) -> None:
    """While the API server restarts; whoever waits for it asks again."""
    objects.get(Query("ap", "x", "tikv"))
    gone = Objects("https://127.0.0.1:1", pki=tmp_path)
    with pytest.raises(ObjectError, match="no answer") as caught:
        gone.get(Query("ap", "x", "tikv"))
    assert caught.value.status == 0
    gone.close()
