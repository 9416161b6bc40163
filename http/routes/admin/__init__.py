"""Routes of an account's settings and integrations."""
