"""Routes of AI assistance: suggestions, knowledge."""
