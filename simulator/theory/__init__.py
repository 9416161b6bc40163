"""Queueing theory: Erlang-A, two unequal servers, and confidence intervals by batch means. Pure."""
