"""Small clients for the tests: PD itself, the simulated stores, the proxies' faults."""

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from sandbox.errors import SandboxError

TIMEOUT_SECONDS = 10.0
NOT_LEADING = "[PD:apiutil:ErrRedirect"
"""How a member begins that has just lost its lease, as when the machine stood still for 2 s: said
before it looks at the request, which may therefore be sent again."""
ELECTION_SECONDS = 15.0
PAUSE_SECONDS = 0.1


class RefusedError(SandboxError):
    """The other side answered with an error; `status` is its code."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class JsonClient:
    """JSON over HTTP/1.1 to one base URL."""

    def __init__(self, url: str) -> None:
        self.url = url
        # Plain HTTP: to load the machine's authorities would cost more than most requests.
        nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client = httpx.Client(
            base_url=url, timeout=TIMEOUT_SECONDS, trust_env=False, verify=nobody
        )

    def request(self, method: str, path: str, body: object | None = None) -> Any:
        """The decoded answer; None for an empty one, text where it is no JSON.

        Raises:
            RefusedError: the answer is an error.
            httpx.HTTPError: there is no answer.
        """
        answer = self._client.request(method, path, json=body)
        if answer.is_error:
            raise RefusedError(
                answer.status_code, f"{method} {path}: {answer.status_code} {answer.text.strip()}"
            )
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError:
            return answer.text

    def get(self, path: str) -> Any:
        """As `request` with GET."""
        return self.request("GET", path)

    def post(self, path: str, body: object | None = None) -> Any:
        """As `request` with POST."""
        return self.request("POST", path, body)

    def delete(self, path: str) -> Any:
        """As `request` with DELETE."""
        return self.request("DELETE", path)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


class PdClient:
    """PD, past the proxies, so that nothing of it is journaled. Paths begin after /pd/api/v1.

    While its members elect a leader it is asked again, for 15 s.
    """

    def __init__(self, direct_urls: Mapping[str, str]) -> None:
        self._members = {name: JsonClient(f"{url}/pd/api/v1") for name, url in direct_urls.items()}

    def get(self, path: str) -> Any:
        """What PD's leader answers to GET, decoded; errors as `JsonClient.request`."""
        return self._patiently(lambda leader: leader.get(path))

    def post(self, path: str, body: object | None = None) -> Any:
        """As `get`, for POST."""
        return self._patiently(lambda leader: leader.post(path, body))

    def delete(self, path: str) -> Any:
        """As `get`, for DELETE."""
        return self._patiently(lambda leader: leader.delete(path))

    def leader(self) -> str:
        """The name of the member that leads.

        Raises:
            SandboxError: nobody does at the moment.
        """
        for member in self._members.values():
            try:
                name: str = member.get("/leader")["name"]
            except (RefusedError, httpx.HTTPError, KeyError, TypeError):
                continue
            if name in self._members:
                return name
        raise SandboxError("PD has no leader.")

    def stores(self) -> dict[int, dict[str, Any]]:
        """Every store's `status` and `store`, flat in one, by id."""
        listed = self.get("/stores")["stores"]
        return {entry["store"]["id"]: {**entry["store"], **entry["status"]} for entry in listed}

    def leader_counts(self) -> dict[int, int]:
        """How many leaders each store has, as PD sees it."""
        return {number: store.get("leader_count", 0) for number, store in self.stores().items()}

    def schedulers(self) -> list[str]:
        """The names of the schedulers that PD has."""
        return list(self.get("/schedulers") or [])

    def close(self) -> None:
        """Close its connections."""
        for member in self._members.values():
            member.close()

    def _patiently(self, ask: Callable[[JsonClient], Any]) -> Any:
        give_up_at = time.monotonic() + ELECTION_SECONDS
        while True:
            try:
                return ask(self._leading())
            except RefusedError as error:
                if NOT_LEADING not in str(error) or time.monotonic() > give_up_at:
                    raise
            time.sleep(PAUSE_SECONDS)

    def _leading(self) -> JsonClient:
        if len(self._members) == 1:
            return next(iter(self._members.values()))
        return self._members[self.leader()]


class StoresClient(JsonClient):
    """The simulated stores' own control interface."""

    def status(self) -> dict[str, Any]:
        """Counts, settings, who leads PD."""
        return dict(self.get("/status"))

    def stores(self) -> dict[int, dict[str, Any]]:
        """Every store as it is, by id."""
        return {store["id"]: store for store in self.get("/stores")}

    def store(self, number: int, fault: str, **details: object) -> dict[str, Any]:
        """Order a fault (stop, start, hang, slow, fill, heat) on a store: the store after it.

        `off=True` ends hang, slow, fill and heat.
        """
        return dict(self.post(f"/stores/{number}/{fault}", details))

    def move_leaders(self, *, from_store: int, to_store: int, count: int) -> int:
        """Make followers on `to_store` lead in place of `from_store`: how many did."""
        order = {"from_store": from_store, "to_store": to_store, "count": count}
        return int(self.post("/leaders/move", order)["moved"])

    def drop_commands(self) -> int:
        """Forget the commands that wait for ``command_delay_ms``: how many there were."""
        return int(self.delete("/commands")["dropped"])


class Faults:
    """Orders to the proxies in front of PD's members."""

    def __init__(self, control_urls: Sequence[str]) -> None:
        self._proxies = [JsonClient(url) for url in control_urls]

    def add(
        self,
        action: str,
        *,
        member: int | None = None,
        method: str = "",
        path: str = "",
        caller: str = "",
        count: int = 1,
        **details: object,
    ) -> None:
        """Break the next `count` requests (0: all) that match.

        `action` is delay_before, delay_after, cut_before_send, cut_after_answer, half_answer or
        status; `path` is a regular expression; `details` are milliseconds, status, body. `member`
        None means every member, each with its own count.
        """
        match = {"method": method, "path": path, "caller": caller}
        for proxy in self._chosen(member):
            proxy.post("/faults", {"action": action, "match": match, "count": count, **details})

    def hits(self) -> int:
        """How many requests were broken by the orders that still stand."""
        return sum(order["hits"] for proxy in self._proxies for order in proxy.get("/faults"))

    def clear(self) -> None:
        """End all orders, partitions too."""
        for proxy in self._proxies:
            proxy.delete("/faults")
            if proxy.get("/status")["partitioned"]:
                proxy.post("/partition", {"off": True})

    def partition(self, member: int | None = None) -> None:
        """Cut a member (None: all) off, gRPC too, until `clear`."""
        for proxy in self._chosen(member):
            proxy.post("/partition", {})

    def close(self) -> None:
        """Close its connections."""
        for proxy in self._proxies:
            proxy.close()

    def _chosen(self, member: int | None) -> list[JsonClient]:
        return self._proxies if member is None else [self._proxies[member]]
