"""Simulated people: customers with patience, agents with several conversations at once, and a lead who assigns."""
