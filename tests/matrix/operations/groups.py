"""Everything that is tried, in the order of the page."""

from tests.matrix.operation import Operation
from tests.matrix.operations import asking, cluster, deciding, record, status

GROUPS: dict[str, tuple[Operation, ...]] = {
    "deciding": deciding.OPERATIONS,
    "asking": asking.OPERATIONS,
    "record": record.OPERATIONS,
    "status": status.OPERATIONS,
    "cluster": cluster.OPERATIONS,
}
"""By the table that says what is expected: tests/matrix/expected/NAME.txt."""
TITLES = {
    "deciding": "Deciding",
    "asking": "Asking, stopping, resolving",
    "record": "The record",
    "status": "Status",
    "cluster": "Clusters, brakes and foundations",
}
"""Of the groups, on the page."""
