"""Stand-ins for the five providers, for tests and demos: their send APIs, and customers who write through webhooks.

They share no code with the channels under test: signatures and payloads follow the providers' documentation.
"""
