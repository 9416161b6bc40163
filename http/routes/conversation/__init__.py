"""Routes of conversations and their messages."""
