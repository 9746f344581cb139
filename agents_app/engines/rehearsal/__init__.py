"""The rehearsal engine: built in, deterministic, offline; it plays a provider so that the whole site can be tried."""
