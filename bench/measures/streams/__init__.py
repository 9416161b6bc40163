"""How soon readers hear of something, and how many at once."""
