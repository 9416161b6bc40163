"""The ports: what the layers above need of storage and the network."""
