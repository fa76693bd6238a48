"""`make bench`: what Assent costs and how fast it is, measured from outside on the sandbox."""
