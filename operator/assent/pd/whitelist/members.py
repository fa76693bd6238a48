"""Writes to PD's own members: nothing but who leads."""

from assent.pd.whitelist.shape import AllowedWrite, nothing, path

MEMBERS = (
    AllowedWrite(
        name="transfer-pd-leader",
        method="POST",
        path=path(r"/pd/api/v1/leader/transfer/[A-Za-z0-9][A-Za-z0-9._-]*"),
        body=nothing,
        route="/pd/api/v1/leader/transfer/{name}",
    ),
)
