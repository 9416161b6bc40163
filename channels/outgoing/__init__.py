"""Outgoing HTTP requests to addresses that others name."""
