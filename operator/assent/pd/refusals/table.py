"""The whole table, and what an answer proves by it."""

from assent.core.model.call import DidNot
from assent.pd.failures import message_of
from assent.pd.refusals.config import CONFIG
from assent.pd.refusals.members import MEMBERS
from assent.pd.refusals.operators import OPERATORS
from assent.pd.refusals.placement import PLACEMENT
from assent.pd.refusals.region_shape import REGION_SHAPE
from assent.pd.refusals.router import ROUTER
from assent.pd.refusals.schedulers import SCHEDULERS
from assent.pd.refusals.shape import ANY, Refusal
from assent.pd.refusals.stores import STORES
from assent.pd.wire import Answer

REFUSALS: tuple[Refusal, ...] = (
    *ROUTER,
    *OPERATORS,
    *REGION_SHAPE,
    *SCHEDULERS,
    *CONFIG,
    *STORES,
    *PLACEMENT,
    *MEMBERS,
)


def refusal(write: str, answer: Answer) -> DidNot | None:
    """Return DidNot when this answer proves that the write changed nothing, else None.

    None for everything that PD's scheduling service answered: its texts stand for other code.
    """
    if answer.from_microservice:
        return None
    text = message_of(answer)
    for row in REFUSALS:
        if (
            row.write in (ANY, write)
            and answer.status in row.status
            and answer.is_json == row.json
            and row.text.fullmatch(text)
        ):
            return DidNot(f"{answer.status} {text}", already_done=row.already_done)
    return None
