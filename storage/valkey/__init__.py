"""Valkey: data that may be lost at any moment."""
