"""Rules other than the server's own, for the replay lab. Nothing here decides anything live."""
