"""What a request costs, from outside."""
