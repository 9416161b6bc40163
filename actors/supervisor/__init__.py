"""A supervisor and its parts: the desks that route accounts' conversations."""
