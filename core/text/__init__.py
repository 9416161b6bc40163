"""Text: cursors, matching, normalisation, checks of JSON, templates."""
