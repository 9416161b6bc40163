"""The server's Ray actors: conversation hosts, gateways, supervisors and dispatchers, and the links between them."""
