"""Accounts, and what their admins and supervisors manage, on Postgres."""
