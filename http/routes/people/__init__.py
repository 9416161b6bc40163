"""Routes of agents, teams, contacts."""
