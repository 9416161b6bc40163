"""Helpers that several providers' formats share."""
