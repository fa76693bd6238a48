"""What can be done to a TiKV cluster, one file an action, as data."""
