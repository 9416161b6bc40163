"""The document that describes the API: OpenAPI, generated from the code's tables and types."""
