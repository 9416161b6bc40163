"""Client connections: everything that knows aiohttp's internals."""
