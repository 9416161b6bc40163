"""Accounts and what belongs to them on Postgres."""
