"""AI assistance: prompts, the built-in rules, suggestions, articles, and the fusion of search results. Pure."""
