"""Connections between processes: frames, host links, Ray calls, and the codec."""
