"""Conversations on Postgres: the journal and what reads it."""
