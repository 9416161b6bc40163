"""Calls: requests, retries and tokens."""
