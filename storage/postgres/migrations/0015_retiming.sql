-- Settings that conversations' timers follow may change: an account stands here until the hosts have looked through its
-- conversations, each in its own partitions. `version` is what a host has to have read of the account first (see
-- account_rule_changes); `waiting` are the partitions nobody has looked through yet. Written with the settings themselves.
CREATE TABLE account_retimings (
  account_id uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
  version bigint NOT NULL,
  waiting integer[] NOT NULL
);
ALTER TABLE account_retimings ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON account_retimings TO tertulia_app
  USING (account_id = (SELECT current_account())) WITH CHECK (account_id = (SELECT current_account()));
GRANT SELECT, INSERT, UPDATE ON account_retimings TO tertulia_app;

-- `waiting_since` is a conversation's age from now on, and stays as it is over a reopening. When it was reopened, which its
-- target of resolution counts from, is kept with the timers; what was reopened before this migration has it there as well.
UPDATE conversations SET fired = fired || jsonb_build_object('reopened_at', (extract(epoch FROM waiting_since) * 1000)::bigint)
WHERE waiting_since <> created_at AND status NOT IN ('closed', 'expired');
