"""Imports conversations of older services into an account."""
