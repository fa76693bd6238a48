"""The whole list; everything that is not on it is refused before sending."""

from assent.core.model.call import PdCall
from assent.pd.whitelist.config import CONFIG
from assent.pd.whitelist.members import MEMBERS
from assent.pd.whitelist.operators import OPERATORS
from assent.pd.whitelist.placement import PLACEMENT
from assent.pd.whitelist.region_shape import REGION_SHAPE
from assent.pd.whitelist.schedulers import SCHEDULERS
from assent.pd.whitelist.shape import AllowedWrite
from assent.pd.whitelist.stores import STORES

WHITELIST: tuple[AllowedWrite, ...] = (
    *OPERATORS,
    *REGION_SHAPE,
    *SCHEDULERS,
    *CONFIG,
    *STORES,
    *PLACEMENT,
    *MEMBERS,
)


def allowed(call: PdCall) -> AllowedWrite | None:
    """Return the kind of write that this call is, None when it is none that may be sent."""
    for kind in WHITELIST:
        if call.method == kind.method and kind.path.fullmatch(call.path) and kind.body(call.body):
            return kind
    return None
