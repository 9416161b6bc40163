"""RabbitMQ: where events may go besides webhooks and the Redis stream."""
