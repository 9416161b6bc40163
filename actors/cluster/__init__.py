"""A process's place in the cluster: its heartbeat, and its node."""
