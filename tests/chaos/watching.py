"""Follows all proposals of a namespace through restarts of the API server, and writes down each
version that it sees.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from sandbox.objects import Object

RETRY_SECONDS = 0.3
QUIET_SECONDS = 20.0
"""Without a word for so long the watch begins anew: the API server may have been frozen."""
LINE = dict[str, Any]


class Watching:
    """A thread that watches `path`, keeps the newest of each object, and appends all to a file."""

    def __init__(self, client: httpx.Client, path: str, log: Path) -> None:
        self._client = client
        self._path = path
        self._log = log
        self._news = threading.Condition()
        self._newest: dict[str, Object] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watching", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it; the file is complete on return."""
        self._stop.set()
        self._thread.join(QUIET_SECONDS + 5.0)

    def all(self) -> dict[str, Object]:
        """The newest known of each object, by name."""
        with self._news:
            return dict(self._newest)

    def get(self, name: str) -> Object | None:
        """The newest known of that name; None when it is not there."""
        with self._news:
            return self._newest.get(name)

    def until(
        self, name: str, reached: Callable[[Object | None], bool], timeout_seconds: float
    ) -> bool:
        """Wait until `reached` is true of it: whether that came in time."""
        with self._news:
            return self._news.wait_for(lambda: reached(self._newest.get(name)), timeout_seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow(self._list())
            except (httpx.HTTPError, ValueError, KeyError):
                self._stop.wait(RETRY_SECONDS)

    def _list(self) -> str:
        answer = self._client.get(self._path).raise_for_status().json()
        listed = {item["metadata"]["name"]: item for item in answer["items"]}
        with self._news:
            gone = [item for name, item in self._newest.items() if name not in listed]
        for item in gone:
            self._take("DELETED", item)
        for item in listed.values():
            known = self.get(item["metadata"]["name"])
            if known is None or _version(known) != _version(item):
                self._take("LISTED", item)
        return str(answer["metadata"]["resourceVersion"])

    def _follow(self, version: str) -> None:
        query = {"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true"}
        timeout = httpx.Timeout(5.0, read=QUIET_SECONDS)
        with self._client.stream("GET", self._path, params=query, timeout=timeout) as answer:
            answer.raise_for_status()
            for event in self._events(answer):
                if event["type"] == "ERROR":  # 410: too old, list again
                    return
                if event["type"] != "BOOKMARK":
                    self._take(event["type"], event["object"])

    def _events(self, answer: httpx.Response) -> Iterator[LINE]:
        for line in answer.iter_lines():
            if self._stop.is_set():
                return
            if line:
                yield json.loads(line)

    def _take(self, kind: str, found: Object) -> None:
        with self._log.open("a") as file:
            file.write(json.dumps({"at": time.time(), "type": kind, "object": found}) + "\n")
        with self._news:
            name = found["metadata"]["name"]
            if kind == "DELETED":
                self._newest.pop(name, None)
            else:
                self._newest[name] = found
            self._news.notify_all()


def _version(found: Object) -> str:
    return str(found["metadata"]["resourceVersion"])
