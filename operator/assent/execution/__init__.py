"""The only place where things are done to a TiKV cluster."""
