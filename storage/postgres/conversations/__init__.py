"""Conversations on Postgres: the journal and its readers."""
