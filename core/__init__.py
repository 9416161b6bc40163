"""What a conversation is: commands, entries, states and the rules between them.

Pure: no async, no Ray, no aiohttp, no asyncpg, no clock, no randomness. Time and ids are passed in.
"""
