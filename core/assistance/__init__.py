"""AI assistance: prompts, the built-in rules, suggestions, and how searches are fused. Pure."""
