"""Which answers prove that a write changed nothing: a table, read from PD's source.

A status code alone proves nothing: PD answers 500 for "you did not say a valid store" and for
"stored, then failed to answer", and one write answered 400 ``ErrEtcdKVPut … deadline exceeded``
although it had run (prototypes, "Refusing to be forwarded"). So a row names endpoint, status,
shape of the body and text, and stands for a place in PD's code that lies before the first change.
What is not in the table is unknown.
"""
