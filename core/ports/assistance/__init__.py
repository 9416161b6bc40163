"""The ports of AI assistance: language models and their ledger, suggestions, knowledge."""
