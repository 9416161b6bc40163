"""Messages, deliveries and files between providers and conversations."""
