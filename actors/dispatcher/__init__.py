"""A dispatcher and its parts: outbound messages to providers."""
