"""Writes to PD's configuration: one item of a closed list, with its own JSON type (P09).

Never with ``ttlSecond``: what it sets is shown by no GET (P11).
"""

from collections.abc import Callable, Mapping

from assent.core.actions.setting_value import is_wire
from assent.core.actions.settings_table import REPLICATION, SCHEDULE, Setting
from assent.pd.whitelist.shape import AllowedWrite, Body, path


def _one_of(item: str, table: Mapping[str, Setting]) -> Callable[[Body | None], bool]:
    """Return the judgement of a body with one item of that section.

    What PD showed before an action is put back also when it is beyond the bounds of an ask.
    """

    def judge(body: Body | None) -> bool:
        if body is None or len(body) != 1:
            return False
        name, value = next(iter(body.items()))
        section, dot, key = name.partition(".")
        setting = table.get(key)
        if (section, dot) != (item, ".") or setting is None:
            return False
        return is_wire(setting.kind, value)

    return judge


CONFIG = (
    AllowedWrite(
        name="schedule-config",
        method="POST",
        path=path(r"/pd/api/v1/config"),
        body=_one_of("schedule", {str(key): row for key, row in SCHEDULE.items()}),
        route="/pd/api/v1/config",
    ),
    AllowedWrite(
        name="replication-config",
        method="POST",
        path=path(r"/pd/api/v1/config"),
        body=_one_of("replication", {str(key): row for key, row in REPLICATION.items()}),
        route="/pd/api/v1/config",
    ),
)
