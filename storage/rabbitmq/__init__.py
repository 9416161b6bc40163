"""RabbitMQ: receives events, besides webhooks and the Redis stream."""
