"""The domain: conversations, accounts, channels, routing and webhooks, and the ports to everything else.

Pure: no async, no Ray, no aiohttp, no asyncpg, no clock, no randomness. Times and ids are passed in.
"""
