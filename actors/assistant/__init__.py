"""AI assistance at work: calls of language models, and the loops that draft suggestions."""
