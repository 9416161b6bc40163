"""What passes between providers and conversations."""
