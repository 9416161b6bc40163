"""Calls: what is sent, when it is repeated, and who signs it."""
