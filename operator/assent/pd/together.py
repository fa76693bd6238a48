"""Reads side by side."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Together:
    """Runs reads side by side; the first failure cancels the others and comes out unwrapped."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[Any]] = []

    async def __aenter__(self) -> "Together":
        return self

    def start(self, read: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Return the read as a task; its result is there once the block is left."""
        task = asyncio.get_running_loop().create_task(read)
        self._tasks.append(task)
        return task

    async def __aexit__(self, *_: object) -> None:
        try:
            await asyncio.gather(*self._tasks)
        except BaseException:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            raise
