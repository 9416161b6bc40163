-- Files of messages: the records here, the bytes in the object store under their account and digest.

-- `source`: a provider's reference to a file that is still to be fetched (`core.channel_messages.Media` without bytes).
-- `next_attempt_at` of a pending one is also the end of the claim of whoever is fetching it; `attempts` names the claim.
-- A pending row without a source is an upload under way.
CREATE TABLE attachments (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  channel_id uuid,
  conversation_id uuid,
  uploader_type text,
  uploader_id text,
  status text NOT NULL CHECK (status IN ('pending', 'stored', 'failed')),
  name text,
  content_type text,
  size bigint,
  digest text,
  error text,
  source jsonb,
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK (status <> 'stored' OR (digest IS NOT NULL AND size IS NOT NULL AND content_type IS NOT NULL))
);
CREATE INDEX attachments_digest ON attachments (account_id, digest) WHERE digest IS NOT NULL;
CREATE INDEX attachments_conversation ON attachments (conversation_id) WHERE conversation_id IS NOT NULL;
CREATE INDEX attachments_uploader ON attachments (channel_id, uploader_id) WHERE uploader_type = 'contact';
CREATE INDEX attachments_due ON attachments (next_attempt_at) WHERE status = 'pending' AND source IS NOT NULL;
CREATE INDEX attachments_unfinished ON attachments (created_at) WHERE status = 'pending' AND source IS NULL;

ALTER TABLE attachments ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON attachments TO tertulia_app
  USING (account_id = (SELECT current_account())) WITH CHECK (account_id = (SELECT current_account()));
GRANT SELECT, INSERT, UPDATE, DELETE ON attachments TO tertulia_app;

-- Bytes that may have lost their last record, to be looked at and deleted by whoever sweeps. Outlives its account.
CREATE TABLE attachment_garbage (
  account_id uuid NOT NULL,
  digest text NOT NULL,
  noted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, digest)
);

-- Until the end of the transaction nobody else may begin to need these bytes, or delete them.
CREATE FUNCTION lock_attachment_bytes(account uuid, digest text) RETURNS void LANGUAGE sql AS
  $$ SELECT pg_advisory_xact_lock(hashtextextended(account::text || digest, 7)) $$;

CREATE FUNCTION attachment_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  PERFORM lock_attachment_bytes(OLD.account_id, OLD.digest);
  INSERT INTO attachment_garbage (account_id, digest) VALUES (OLD.account_id, OLD.digest) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER attachments_deleted AFTER DELETE ON attachments
  FOR EACH ROW WHEN (OLD.digest IS NOT NULL) EXECUTE FUNCTION attachment_deleted();
CREATE TRIGGER attachments_changed AFTER UPDATE OF digest ON attachments
  FOR EACH ROW WHEN (OLD.digest IS NOT NULL AND NEW.digest IS DISTINCT FROM OLD.digest)
  EXECUTE FUNCTION attachment_deleted();

DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION attachment_deleted SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $$;
REVOKE EXECUTE ON FUNCTION attachment_deleted FROM PUBLIC;
