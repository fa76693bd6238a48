"""What SetScheduleConfig and SetReplicationConfig share: one item of ``POST /config``.

One item a call: PD applies several in random order and stops at the first that it refuses, and the
endpoints of whole sections ignore unknown keys (P09). The value is verified by what GET shows, so
PD's temporary overrides, which GET never shows, are not offered (P11).
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, TypeVar

from assent.api.v1alpha1.actionproposal import Fact, Risk, Target
from assent.api.v1alpha1.parameters.scheduling import SetReplicationConfig, SetScheduleConfig
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks
from assent.core.actions.action import (
    Action,
    Idempotency,
    Progress,
    Reversibility,
    Scope,
    Verification,
)
from assent.core.actions.setting_value import parse, wire
from assent.core.actions.settings_table import Setting
from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict

C = TypeVar("C", SetScheduleConfig, SetReplicationConfig)

CONFIG = "/pd/api/v1/config"


class SettingAction(Action[C], Generic[C]):
    """An action that sets the setting ``params.key`` to ``params.value``."""

    base_tier = Tier.MEDIUM
    reversibility = Reversibility.FULLY
    idempotency = Idempotency.ABSOLUTE
    timeout_seconds = None
    """PD has none: the value shows at once."""
    goal_required = False

    section: ClassVar[str]
    """The section in a scope and a target, as PD's GET names it."""
    item: ClassVar[str]
    """The section in an item of ``POST /config``."""

    @abstractmethod
    def setting(self, params: C) -> Setting:
        """Return the row of the table."""

    @abstractmethod
    def values(self, snapshot: ClusterSnapshot) -> Mapping[str, str] | None:
        """Return the section as PD shows it, None when it was not read."""

    def sentence(self, params: C) -> str:
        """Return what it does in one line."""
        return f"set PD's {params.key} to {params.value or 'nothing'}"

    def pd_ctl(self, params: C) -> str:
        """Return the equivalent pd-ctl line."""
        value = params.value or '""'
        return f"pd-ctl config set {params.key} {value}"

    def scope(self, params: C) -> Scope:
        """Return the setting."""
        return Scope(settings=frozenset({f"{self.section}/{params.key}"}))

    def target(self, params: C, snapshot: ClusterSnapshot) -> Target | None:
        """Return the setting by its name, None when this PD shows none of that name."""
        if self._shown(params, snapshot) is None:
            return None
        name = f"{self.section}/{params.key}"
        return Target(
            cluster_id=str(snapshot.pd.cluster_id),
            id=name,
            identity=[Fact(name="setting", value=name)],
        )

    def risk(self, params: C, snapshot: ClusterSnapshot) -> Risk:
        """Return Medium, and more where the table says that the value is dangerous, or when the
        old one is not known.
        """
        setting, shown = self.setting(params), self._shown(params, snapshot)
        new = parse(setting.kind, params.value)
        if new is None:
            return Risk(tier=self.base_tier, factors=["the value is none that PD would take"])
        old = None if shown is None else parse(setting.kind, shown)
        factors = [f"{params.key} changes from {_said(shown)} to {_said(params.value)}"]
        tier = self.base_tier if old is not None else Tier.HIGH
        if setting.raised is not None and (raised := setting.raised(old, new)) is not None:
            tier = max(tier, raised[0], key=lambda one: one.rank)
            factors.insert(0, raised[1])
        return Risk(tier=tier, factors=factors)

    def preconditions(self, params: C, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return whether the value may be asked for, and the old one is known: the way back."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        return (
            checks.prepared(),
            Check("ValueAllowed", self._allowed(params)),
            Check("SettingShown", self._known(params, snapshot)),
            *self.own_checks(params, snapshot),
        )

    @abstractmethod
    def own_checks(self, params: C, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return what else is looked at for this section."""

    def already_done(self, params: C, snapshot: ClusterSnapshot) -> bool:
        """Return True when PD shows this value, however it writes it."""
        setting, shown = self.setting(params), self._shown(params, snapshot)
        new = parse(setting.kind, params.value)
        return new is not None and shown is not None and parse(setting.kind, shown) == new

    def call(self, params: C) -> PdCall:
        """Return the one call to PD."""
        return self._set(params, params.value)

    def before(self, params: C, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return the value as PD writes it, and what PD changes along with it."""
        shown = self._shown(params, snapshot)
        if shown is None or len(shown) > 256:
            return ()
        return (Fact(name=params.key, value=shown), *self.along(params, snapshot))

    @abstractmethod
    def along(self, params: C, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return what PD changes along with the setting."""

    def verify(self, params: C, before: Sequence[Fact], snapshot: ClusterSnapshot) -> Verification:
        """Return SETTLED once PD shows the value."""
        after, shown = self.before(params, snapshot), self._shown(params, snapshot)
        if self.already_done(params, snapshot):
            return Verification(Progress.SETTLED, f"{params.key} is {_said(shown)}", after)
        return Verification(Progress.NOT_SEEN, f"{params.key} is still {_said(shown)}", after)

    def unchanged(self, params: C, before: Sequence[Fact], snapshot: ClusterSnapshot) -> bool:
        """Return True while PD shows exactly what was captured."""
        return len(before) > 0 and self.before(params, snapshot) == tuple(before)

    def inverse(self, params: C, before: Sequence[Fact]) -> PdCall | None:
        """Return the call that sets the captured value again, exactly; None without one."""
        value = next((fact.value for fact in before if fact.name == params.key), None)
        return None if value is None else self._set(params, value)

    def _set(self, params: C, text: str) -> PdCall:
        value = wire(self.setting(params).kind, text)
        return PdCall("POST", CONFIG, {f"{self.item}.{params.key}": value})

    def _shown(self, params: C, snapshot: ClusterSnapshot) -> str | None:
        values = self.values(snapshot)
        if not values:
            return None
        return self.setting(params).shown(values, params.key)

    def _allowed(self, params: C) -> Verdict:
        fault = self.setting(params).fault(params.value)
        if fault is not None:
            return Deny("ValueNotAllowed", f"{params.key}: {fault}")
        return Allow(f"{params.key} may be {_said(params.value)}")

    def _known(self, params: C, snapshot: ClusterSnapshot) -> Verdict:
        shown = self._shown(params, snapshot)
        if shown is None:
            return Hold("SettingUnknown", f"PD shows no {params.key}: this version has none")
        if parse(self.setting(params).kind, shown) is None:
            return Hold("NoWayBack", f"{params.key} is {shown}, which could not be put back")
        return Allow(f"{params.key} is {_said(shown)}")


def _said(text: str | None) -> str:
    if text is None:
        return "not shown"
    return text or "empty"
