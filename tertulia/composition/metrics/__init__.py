"""What processes show to Prometheus."""
