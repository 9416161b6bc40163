"""A supervisor and its parts: the desks that route an account's conversations."""
