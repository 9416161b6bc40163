"""Postgres and Valkey: schema, queries, the journal, and the embedded servers."""
