"""How processes reach each other: frames, host links, Ray calls, and the codec."""
