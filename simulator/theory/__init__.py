"""Queueing theory: Erlang-A, two servers of different speed, and confidence intervals by batch means. Pure."""
