"""One store: it is looked up, and arguments are checked, before anything changes."""

from assent.pd.refusals.shape import NO_STORE, row

STORES = (
    row(
        "store-limit",
        (404, 500),
        "json",
        NO_STORE,
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
    *(
        row(
            write,
            404,
            "json",
            r"\[PD:core:ErrStoreNotFound\].*",
            "the store is looked up first",
        )
        for write in ("drain-store", "cancel-drain", "force-remove-store")
    ),
    *(
        row(
            write,
            410,
            "json",
            r"\[PD:core:ErrStoreRemoved\].*",
            "a tombstone stays one; RemoveStore and UpStore ask that before they store anything",
            done,
        )
        for write, done in (
            ("drain-store", "already done"),
            ("cancel-drain", ""),
            ("force-remove-store", "already done"),
        )
    ),
    *(
        row(
            write,
            400,
            "json",
            r"\[PD:core:ErrStoreDestroyed\].*",
            "its removal was forced before; asked before anything is stored",
        )
        for write in ("drain-store", "cancel-drain")
    ),
    row(
        "drain-store",
        400,
        "json",
        r"\[PD:core:(?:ErrStoresNotEnough|ErrNoStoreForRegionLeader)\].*",
        "checkReplicaBeforeOfflineStore, before the new state is stored",
    ),
    row(
        "store-weight",
        500,
        "json",
        r"\[PD:core:ErrStoreNotFound\].*",
        "the store is looked up before either weight is stored",
    ),
    row(
        "store-weight",
        400,
        "json",
        r"(?:leader|region) weight unset|bad format (?:leader|region) weight",
        "arguments are checked first",
    ),
    row(
        "store-labels",
        500,
        "json",
        r"\[PD:cluster:ErrInvalidStoreID\].*",
        "the store is looked up first",
    ),
    row(
        "store-labels",
        500,
        "json",
        r"(?:label configuration is incorrect, need to specify the key: .*"
        r"|key matching the label was not found in the PD, store label key: .*"
        r"|duplicated store address: .*|version should compatible with version .*)",
        "putStoreImpl checks version, address and labels before it stores",
    ),
)
