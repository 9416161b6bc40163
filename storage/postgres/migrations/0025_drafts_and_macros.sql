-- What agents have begun to write, one draft per agent and conversation; and canned responses that also change the conversation.

CREATE TABLE drafts (
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  conversation_id uuid NOT NULL,
  user_id text NOT NULL,
  content text NOT NULL,
  is_private boolean NOT NULL DEFAULT false,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (conversation_id, user_id)
);
CREATE INDEX drafts_user ON drafts (account_id, user_id);

ALTER TABLE drafts ENABLE ROW LEVEL SECURITY;
ALTER TABLE drafts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_account ON drafts TO tertulia_app
  USING (account_id = (SELECT current_account())) WITH CHECK (account_id = (SELECT current_account()));
CREATE POLICY system_work ON drafts TO tertulia_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON drafts TO tertulia_app, tertulia_system;

ALTER TABLE canned_responses ADD COLUMN actions jsonb;
