"""A replay as people read it: in the terminal, as a page, as files."""
