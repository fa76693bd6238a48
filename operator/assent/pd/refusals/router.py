"""Refusals of any write, before any handler: redirector, rate limit, router."""

from assent.pd.refusals.shape import ANY, CODE, row

ROUTER = (
    row(ANY, 500, "plain", CODE + "redirect to not leader", "redirector: not the leader"),
    row(ANY, 500, "plain", CODE + "server not started", "redirector: starting or stopping"),
    row(ANY, 503, "plain", "no leader", "redirector: there is no leader to act"),
    row(ANY, 429, "plain", "Too Many Requests", "rate limit, before the handler"),
    row(ANY, 404, "plain", "404 page not found", "router: nothing serves the path"),
    row(
        ANY,
        (406, 500),
        "json",
        r"\[PD:cluster:ErrNotBootstrapped\].*",
        "the handler finds no running cluster, its first step (P02)",
    ),
)
