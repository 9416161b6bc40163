"""AI assistance: prompts, the built-in rules, suggestions, articles, and how search results are fused. Pure."""
