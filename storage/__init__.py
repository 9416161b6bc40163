"""What the server keeps: in Postgres, in Valkey, in an object store, and in its data folder."""
