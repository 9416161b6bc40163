"""Postmark, played: mails in and out, its list of messages, its templates."""
