-- Suggested replies, and the queue of conversations that wait for one.

CREATE TABLE suggestions (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  conversation_id uuid NOT NULL,
  message_id uuid,
  seen integer NOT NULL,
  status text NOT NULL,
  subject text,
  body text NOT NULL,
  confidence real NOT NULL,
  analysis jsonb NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  failed_provider text,
  failed_reason text,
  wishes jsonb NOT NULL,
  sources jsonb NOT NULL,
  requested_by text,
  created_at timestamptz NOT NULL,
  shown_at timestamptz,
  decided_at timestamptz,
  decided_by text,
  reason text,
  edit_distance real,
  sent_message_id uuid
);
CREATE INDEX suggestions_conversation ON suggestions (conversation_id, created_at DESC);
CREATE INDEX suggestions_account ON suggestions (account_id, created_at DESC);

-- Where drafting has read to in the feed of an account that wants drafts on inbound messages.
CREATE TABLE suggestion_cursors (
  account_id uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
  position bigint NOT NULL,
  pumped_at timestamptz NOT NULL DEFAULT now()
);

-- Conversations whose customer waits for a draft; `seq` of their newest message.
CREATE TABLE suggestion_jobs (
  conversation_id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  seq integer NOT NULL,
  due_at timestamptz NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  claimed_until timestamptz
);
CREATE INDEX suggestion_jobs_due ON suggestion_jobs (due_at);

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['suggestions', 'suggestion_cursors', 'suggestion_jobs'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_account ON %I TO tertulia_app USING (account_id = (SELECT current_account()))
                    WITH CHECK (account_id = (SELECT current_account()))', t);
    EXECUTE format('CREATE POLICY system_work ON %I TO tertulia_system USING (true) WITH CHECK (true)', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO tertulia_system', t);
  END LOOP;
END $$;
-- Requests decide suggestions and, through the trigger below, start and end an account's reading. They only read the ledger.
GRANT SELECT, UPDATE ON suggestions TO tertulia_app;
GRANT SELECT, INSERT, DELETE ON suggestion_cursors TO tertulia_app;
GRANT SELECT, DELETE ON suggestion_jobs TO tertulia_app;
REVOKE INSERT, UPDATE, DELETE ON model_calls, model_usage FROM tertulia_app;

-- An account that wants drafts is read from where its feed is now; one that no longer does loses its place and its queue.
CREATE FUNCTION suggestion_cursor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF coalesce(NEW.settings -> 'assistance' ->> 'suggestions', '') = 'inbound' THEN
    INSERT INTO suggestion_cursors (account_id, position)
    SELECT NEW.id, coalesce((SELECT f.position FROM account_feeds f WHERE f.account_id = NEW.id), 0)
    ON CONFLICT DO NOTHING;
  ELSE
    DELETE FROM suggestion_cursors WHERE account_id = NEW.id;
    DELETE FROM suggestion_jobs WHERE account_id = NEW.id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER suggestion_cursor AFTER UPDATE OF settings ON accounts
FOR EACH ROW WHEN (OLD.settings -> 'assistance' IS DISTINCT FROM NEW.settings -> 'assistance')
EXECUTE FUNCTION suggestion_cursor();
REVOKE EXECUTE ON FUNCTION suggestion_cursor() FROM PUBLIC;
