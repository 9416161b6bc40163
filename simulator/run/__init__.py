"""Runs a scenario: prepares the account, starts workers here or on a Ray cluster, gathers their figures, cleans up."""
