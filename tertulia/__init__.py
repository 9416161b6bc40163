"""Tertulia: an actor-based realtime server for customer conversations, on Ray."""

__version__ = "0.1.0"
