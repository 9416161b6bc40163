"""The replay lab: what an account's routing did, decided again by the same policy or by another."""
