"""The closed list of writes that may ever reach PD, by the part of PD that they change."""
