"""What an armed operator does at each point: note it, stand still, die."""

import os
import signal
import time

from assent.core.lifecycle.decision import Decision
from assent.core.model.resource import Proposal
from assent.observability.crash_points import Point
from tests.crash.labels import writing
from tests.crash.orders import Orders, Post

PAUSE_SECONDS = 0.005


class Hook:
    """Takes the place of the three empty functions of ``assent.observability.crash_points``."""

    def __init__(self, post: Post) -> None:
        self._post = post
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY
        self._trace = os.open(post.trace_path, flags, 0o600)
        self._stamp = 0
        self._orders = Orders()
        self._counting = False
        self._count = 0
        self._stood = False

    def reached(self, point: Point, /) -> None:
        """Note the point; obey what is ordered for it."""
        self._take_orders()
        # In one write, so that a line is whole also in the trace of a process that dies next.
        os.write(self._trace, f"{point.name}\n".encode())
        orders = self._orders
        if orders.stand_at == point.name and not self._stood:
            self._stood = True
            self._stand_still()
        if not self._counting:
            self._counting = point.name == orders.only_after
        elif point.name == orders.die_at:
            self._count += 1
            if self._count == orders.occurrence:
                die()

    def storing(self, proposal: Proposal, decision: Decision, /) -> None:
        """The point before that write."""
        self.reached(writing(proposal, decision)[0])

    def stored(self, proposal: Proposal, decision: Decision, /) -> None:
        """The point after that write."""
        self.reached(writing(proposal, decision)[1])

    def _take_orders(self) -> None:
        stamp, orders = self._post.read()
        if stamp != self._stamp:
            self._stamp, self._orders = stamp, orders
            self._counting, self._count, self._stood = orders.only_after is None, 0, False

    def _stand_still(self) -> None:
        """Hold the whole process, as a long pause of the machine would."""
        while not self._post.may_go_on():
            time.sleep(PAUSE_SECONDS)


def die() -> None:
    """End as by a power cut: nothing after this line runs, not even another thread's."""
    os.kill(os.getpid(), signal.SIGKILL)
    while True:  # the signal is delivered before the call above returns; never go on, whatever
        time.sleep(1)
