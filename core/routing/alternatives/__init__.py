"""Rules other than the server's own, for the replay lab and for shadow policies, which only count. Nothing here decides anything live."""
