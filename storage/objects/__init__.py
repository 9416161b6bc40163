"""The bytes of attachments: the object store, and files on their way into it."""
