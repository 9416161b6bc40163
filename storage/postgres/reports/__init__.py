"""Reports on Postgres: the counters outside the commits, and their readers."""
