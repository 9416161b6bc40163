"""What routes, streams and dialects do to conversations."""
