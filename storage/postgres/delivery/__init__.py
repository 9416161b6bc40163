"""Calls from providers, deliveries to them, and event webhooks, on Postgres."""
