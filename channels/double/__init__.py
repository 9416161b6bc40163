"""A double of the five providers, for tests and demos: their send APIs, and customers that write through their webhooks.

It shares no code with the channels it plays against: what it signs and builds is made after the providers' documents.
"""
