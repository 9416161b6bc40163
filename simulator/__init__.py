"""Simulated customers and agents against a running server."""
