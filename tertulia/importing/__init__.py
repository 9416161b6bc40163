"""Carrying conversations of older services over into an account."""
