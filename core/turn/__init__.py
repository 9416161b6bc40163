"""One turn: from a command to entries, with bots, timers and SLA targets."""
