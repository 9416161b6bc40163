"""Event webhooks: the events that integrators receive, their deliveries, and the views of both."""
