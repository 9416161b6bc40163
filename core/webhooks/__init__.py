"""Event webhooks: the events integrators get, their deliveries, and what admins see of both."""
