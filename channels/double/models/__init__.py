"""The providers of language models as the double plays them, written from their API documents."""
