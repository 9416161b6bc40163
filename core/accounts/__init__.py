"""Accounts, agents and the records beside conversations."""
