"""SetScheduleConfig: one of PD's scheduling settings, of a closed list with types and bounds."""

from collections.abc import Mapping, Sequence

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.scheduling import ScheduleKey, SetScheduleConfig
from assent.core.actions.action import Manual
from assent.core.actions.on_setting import SettingAction
from assent.core.actions.setting_value import Kind, parse
from assent.core.actions.settings_table import SCHEDULE, Setting
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Check, Hold

MERGE_KEYS = "max-merge-region-keys"

_RATIOS = (ScheduleKey.LOW_SPACE_RATIO, ScheduleKey.HIGH_SPACE_RATIO)


class SetScheduleConfigAction(SettingAction[SetScheduleConfig]):
    """POST /config with one item of ``schedule`` (pd-api.md 1.7), never with a TTL (P11)."""

    type = ActionType.SET_SCHEDULE_CONFIG
    section = "schedule"
    item = "schedule"

    manual = Manual(
        endpoint="POST /pd/api/v1/config",
        example=SetScheduleConfig(key=ScheduleKey.REPLICA_SCHEDULE_LIMIT, value="128"),
        timeout_reason="PD has none: the value shows at once; actionTimeout rules",
        raised_by=(
            "High when the old value is not known",
            *(f"{key}: {row.raised_by}" for key, row in SCHEDULE.items() if row.raised_by),
        ),
        unchecked_by_pd=(
            "leader, region and replica limits of 0 stop eviction, balance and repair, and nothing"
            " reports it (P30)",
            "the section is read and written back whole: of two writers at once one is lost",
            "while somebody's temporary override (TTL) stands, PD refuses the call, and its GET"
            " shows the value below it (P11)",
        ),
    )

    def setting(self, params: SetScheduleConfig) -> Setting:
        """Return the row of the table."""
        return SCHEDULE[params.key]

    def values(self, snapshot: ClusterSnapshot) -> Mapping[str, str] | None:
        """Return GET /config/schedule as text."""
        return snapshot.settings

    def own_checks(self, params: SetScheduleConfig, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return whether the two space ratios stay in order; PD refuses them otherwise."""
        if params.key not in _RATIOS:
            return ()
        return (_ratios_in_order(params, snapshot),)

    def along(self, params: SetScheduleConfig, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return the number of keys that PD derives from the size of a region to be merged."""
        shown = snapshot.settings.get(MERGE_KEYS)
        if params.key is not ScheduleKey.MAX_MERGE_REGION_SIZE or shown is None:
            return ()
        return (Fact(name=MERGE_KEYS, value=shown[:256]),)


def _ratios_in_order(params: SetScheduleConfig, snapshot: ClusterSnapshot) -> Check:
    name = "SpaceRatiosInOrder"
    shown = {key: snapshot.settings.get(key, "") for key in _RATIOS}
    low, high = (parse(Kind.RATIO, {**shown, params.key: params.value}[key]) for key in _RATIOS)
    if not isinstance(low, float) or not isinstance(high, float):
        return Check(name, Hold("RatiosUnknown", "PD shows no space ratios"))
    if low <= high:
        message = (
            f"low-space-ratio would be {low:g} and high-space-ratio {high:g}: PD wants the low one"
            " larger"
        )
        return Check(name, Hold("RatiosCross", message))
    return Check(name, Allow(f"low-space-ratio {low:g} is above high-space-ratio {high:g}"))
