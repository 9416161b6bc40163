"""The bytes of attachments."""
