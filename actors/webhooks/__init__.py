"""Event webhooks: deliveries to integrators."""
