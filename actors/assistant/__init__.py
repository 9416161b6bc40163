"""AI assistance: calls to language models, drafting, and searches of the knowledge base."""
