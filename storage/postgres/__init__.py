"""Postgres: connections, queries, migrations."""
