"""What actions on one store share: what they touch, and by what the store is known."""

from typing import TypeVar

from assent.api.v1alpha1.actionproposal import Target
from assent.api.v1alpha1.parameters.targets import OfStore
from assent.core.actions import checks
from assent.core.actions.action import Action, Scope
from assent.core.model.snapshot import ClusterSnapshot

S = TypeVar("S", bound=OfStore)


class StoreAction(Action[S]):
    """An action on the store that ``params.store_id`` names."""

    def scope(self, params: S) -> Scope:
        """Return the store."""
        return Scope(store_ids=frozenset({params.store_id}))

    def target(self, params: S, snapshot: ClusterSnapshot) -> Target | None:
        """Return the store by its address."""
        return checks.store_target(params.store_id, snapshot)
