"""Postgres: connections, roles, migrations, queries, and the stores."""
