"""PD over HTTP: snapshots for decisions, and the few writes that execution may send."""
