"""Actions on conversations, shared by routes and streams."""
