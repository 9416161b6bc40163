"""A dispatcher and its parts: sends outbound messages to providers."""
