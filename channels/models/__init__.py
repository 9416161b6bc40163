"""Providers of language models: their wire formats, behind `core/ports/assistance/models.py`."""
