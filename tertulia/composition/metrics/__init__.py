"""The metrics that processes show to Prometheus."""
