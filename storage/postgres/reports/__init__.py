"""Reports on Postgres: the counters beside the commits, and their readers."""
