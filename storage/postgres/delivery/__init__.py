"""What arrives from providers and leaves for them, and event webhooks, on Postgres."""
