"""All processes of one sandbox, brought up and taken down in the right order."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sandbox.apiproxies import ApiProxies
from sandbox.child import Child
from sandbox.controlplane import ControlPlane
from sandbox.errors import PortTakenError, SandboxError
from sandbox.install import install, install_sample
from sandbox.layout import Layout
from sandbox.operators import OperatorProcess
from sandbox.options import Options
from sandbox.pdcluster import PdCluster
from sandbox.pki import write_private
from sandbox.stores import Stores

TRIES = 4
Part = TypeVar("Part", ControlPlane, ApiProxies, PdCluster, Stores)


class World:
    """The control plane, PD, the stores and the operators."""

    def __init__(self, layout: Layout, options: Options, binaries: dict[str, Path]) -> None:
        self._binaries = binaries
        self.layout = layout
        self.options = options
        self.control_plane: ControlPlane | None = None
        self.api_proxies: ApiProxies | None = None
        self.pd: PdCluster | None = None
        self.stores: Stores | None = None
        self.operators: dict[int, OperatorProcess] = {}
        self._parts: list[ControlPlane | ApiProxies | PdCluster | Stores] = []

    async def start(self) -> None:
        """Start everything the options ask for; all of it is ready on return.

        Raises:
            SandboxError: something could not be started; call `stop`.
        """
        layout, options, binaries = self.layout, self.options, self._binaries

        async def kubernetes() -> tuple[ControlPlane, ApiProxies]:
            plane = await self._begin(
                lambda: ControlPlane(layout, binaries, audit_objects=options.audit_objects)
            )
            proxies = await self._begin(
                lambda: ApiProxies(layout, binaries, port=plane.port, count=options.api_proxies)
            )
            await install(plane.api)
            return plane, proxies

        async def tikv() -> tuple[PdCluster, Stores]:
            pd = await self._begin(
                lambda: PdCluster(
                    layout, binaries, members=options.pd, schedule=options.pd_schedule
                )
            )
            urls = [member.direct_url for member in pd.members]
            stores = await self._begin(
                lambda: Stores(
                    layout, binaries, pd_urls=urls, stores=options.stores, regions=options.regions
                )
            )
            return pd, stores

        failed: list[Exception] = []  # raised outside: Python 3.11.2 wraps what except* raises
        try:
            async with asyncio.TaskGroup() as group:
                kube, tikvs = group.create_task(kubernetes()), group.create_task(tikv())
        except* SandboxError as failures:
            failed += failures.exceptions
        if failed:
            raise failed[0]
        self.control_plane, self.api_proxies = kube.result()
        self.pd, self.stores = tikvs.result()
        if not options.bare:
            endpoints = [member.proxy_url for member in self.pd.members]
            await install_sample(self.control_plane.api, endpoints)
        running = [self.operator(number) for number in range(1, options.operators + 1)]
        await asyncio.gather(*(operator.start() for operator in running))
        await asyncio.gather(*(operator.wait_ready() for operator in running))
        self.save()

    async def stop(self) -> None:
        """Stop everything: first who writes, last what they write to."""
        await asyncio.gather(*(operator.abandon() for operator in self.operators.values()))
        order = (Stores, PdCluster, ApiProxies, ControlPlane)
        for part in sorted(self._parts, key=lambda part: order.index(type(part))):
            await part.stop()
        self._parts.clear()

    def operator(self, number: int) -> OperatorProcess:
        """The operator of that number, not yet started if it is new.

        Raises:
            SandboxError: the control plane is not up.
        """
        if self.control_plane is None or self.api_proxies is None:
            raise SandboxError("The API server is not up yet.")
        if number not in self.operators:
            self.operators[number] = OperatorProcess(
                number,
                self.control_plane.api,
                self.layout,
                server=self.api_proxies.url_for(number, self.control_plane.url),
                settings=self.options.operator_environment,
            )
        return self.operators[number]

    def children(self) -> dict[str, Child]:
        """Every process but the operators, by name."""
        listed: list[Child] = []
        if self.control_plane is not None:
            listed += [self.control_plane.etcd, self.control_plane.apiserver]
        if self.api_proxies is not None:
            listed += [proxy.child for proxy in self.api_proxies.proxies]
        if self.pd is not None:
            listed += [
                child for member in self.pd.members for child in (member.server, member.proxy)
            ]
        if self.stores is not None:
            listed.append(self.stores.child)
        return {child.name: child for child in listed}

    async def wait_ready(self, name: str) -> None:
        """Wait until the process `name`, just started again, serves.

        Raises:
            SandboxError: it ended or was not ready in time.
        """
        if self.control_plane is None or self.pd is None or self.stores is None:
            raise SandboxError("The sandbox is not up yet.")
        if name in ("etcd", "kube-apiserver"):
            await self.control_plane.wait_ready()
        elif name.startswith("apiproxy") and self.api_proxies is not None:
            await self.api_proxies.wait_ready()
        elif name.startswith("pd"):
            await self.pd.wait_ready()
        else:
            await self.stores.wait_ready()

    def state(self) -> dict[str, Any]:
        """What runs where, for `sandbox.json`, `status` and the library."""
        if self.control_plane is None or self.pd is None or self.stores is None:
            raise SandboxError("The sandbox is not up yet.")
        return {
            "supervisor": os.getpid(),
            "options": json.loads(self.options.to_json()),
            "apiserver": self.control_plane.url,
            "etcd": self.control_plane.etcd_url,
            "api_proxies": [
                {"name": proxy.name, "url": proxy.url, "control_url": proxy.control_url}
                for proxy in (self.api_proxies.proxies if self.api_proxies else ())
            ],
            "pd": [
                {
                    "name": member.name,
                    "direct_url": member.direct_url,
                    "proxy_url": member.proxy_url,
                    "control_url": member.control_url,
                }
                for member in self.pd.members
            ],
            "tikvsim": self.stores.url,
            "processes": {
                name: {"state": child.state, "pid": child.process_id}
                for name, child in self.children().items()
            },
            "operators": {
                str(operator.number): {
                    "state": operator.state,
                    "pid": operator.process_id,
                    "pod": operator.pod,
                    "address": operator.address,
                }
                for operator in self.operators.values()
            },
        }

    def save(self) -> None:
        """Write the state to `sandbox.json`."""
        write_private(self.layout.state, json.dumps(self.state(), indent=2).encode())

    async def _begin(self, make: Callable[[], Part]) -> Part:
        """Make a part and start it; with other ports when somebody took one meanwhile."""
        tries = 0
        while True:
            tries += 1
            part = make()
            self._parts.append(part)
            try:
                await part.start()
            except PortTakenError:
                if tries == TRIES:
                    raise
                await part.stop()
                self._parts.remove(part)
            else:
                return part
