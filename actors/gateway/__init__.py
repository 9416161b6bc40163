"""A gateway's connections to hosts, feeds and supervisors."""
