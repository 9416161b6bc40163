"""Outgoing HTTP requests to URLs that come from outside."""
