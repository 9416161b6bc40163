"""The documents that describe the API, OpenAPI and AsyncAPI, generated from the code's tables and types."""
