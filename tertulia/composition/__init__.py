"""What stands behind each port, process by process."""
