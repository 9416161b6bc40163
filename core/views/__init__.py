"""The objects and events of the API."""
