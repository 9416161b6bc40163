"""The server's storage: Postgres, Valkey, an object store, and its data folder."""
