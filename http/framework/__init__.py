"""Routes as data: validation, errors, responses, the OpenAPI document, metrics."""
