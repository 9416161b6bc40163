"""What an HTTP gateway knows of hosts, feeds and supervisors."""
