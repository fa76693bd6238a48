"""One store: it is looked up, and arguments are checked, before anything changes."""

from assent.pd.refusals.shape import row

STORES = (
    row(
        "store-limit",
        (404, 500),
        "json",
        r"\[PD:core:ErrStoreNotFound\].*",
        "the store is looked up first",
    ),
    row(
        "store-limit",
        400,
        "json",
        r"(?:rate unset|invalid rate which should be larger than 0|unknown type|bad format type"
        r"|.*not support set limit)",
        "arguments are checked first (the last: a store-limit-version other than v1, v8.5)",
    ),
)
