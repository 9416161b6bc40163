"""How processes reach each other: frames, links to hosts, calls through Ray, and the codec."""
