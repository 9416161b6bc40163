"""Stores of AI assistance: the ledger of model calls, suggestions, knowledge."""
