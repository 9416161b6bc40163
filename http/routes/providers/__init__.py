"""Routes of channels, providers' webhooks and deliveries."""
