"""httpx without TLS. Left to itself, each client loads the CA certificates, which takes longer than most of its requests."""

from __future__ import annotations

import ssl

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For `verify` of clients that never use it."""
