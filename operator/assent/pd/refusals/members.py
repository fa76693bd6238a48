"""POST /leader/transfer: the member is looked up before etcd is asked to move its leader.

What etcd itself says proves nothing: its move may run out of time and take place all the same.
"""

from assent.pd.refusals.shape import row

MEMBERS = (
    row(
        "transfer-pd-leader",
        500,
        "json",
        r"no valid pd to transfer etcd leader",
        "no member has that name",
    ),
)
