"""One account of a supervisor: its desk, its conversations as stored, presence, and the way from decisions to commands."""
