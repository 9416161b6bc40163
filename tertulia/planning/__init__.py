"""The replay lab: repeats an account's routing decisions, with the same policy or another one."""
