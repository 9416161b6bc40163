-- Events for integrators: webhooks with a queue and log of their deliveries, and how far the Redis stream has come.

-- Who is told. `secret` is ciphertext that holds the present secret and the one before it, which also signs until
-- `previous_until`. Up to `position` the account's feed has been turned into deliveries; it moves in the transaction that
-- adds them. `failing_since`: when the first of the failures began after which nothing has succeeded.
CREATE TABLE event_webhooks (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  url text NOT NULL,
  description text,
  event_types text[] NOT NULL DEFAULT '{}',
  is_active boolean NOT NULL DEFAULT true,
  secret bytea NOT NULL,
  previous_until timestamptz,
  generation text NOT NULL,
  position bigint NOT NULL,
  pumped_at timestamptz NOT NULL DEFAULT now(),
  failing_since timestamptz,
  disabled_at timestamptz,
  disabled_reason text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
CREATE INDEX event_webhooks_account ON event_webhooks (account_id, created_at, id);

-- The queue and the log in one. Ids are UUIDv7 in the order of the feed. `payload` is the body as it is sent, byte for
-- byte; conversation and seq say whose words are in it, for erasures.
CREATE TABLE event_deliveries (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  webhook_id uuid NOT NULL REFERENCES event_webhooks ON DELETE CASCADE,
  event_id text NOT NULL,
  event_type text NOT NULL,
  conversation_id uuid,
  payload bytea NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivering', 'delivered', 'failed')),
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz DEFAULT now(),
  claimed_until timestamptz,
  response_status integer,
  response_excerpt text,
  error text,
  duration_ms integer,
  created_at timestamptz NOT NULL DEFAULT now(),
  delivered_at timestamptz,
  CONSTRAINT event_deliveries_once UNIQUE (webhook_id, event_id)
) WITH (fillfactor = 70);
CREATE INDEX event_deliveries_log ON event_deliveries (webhook_id, created_at, id);
CREATE INDEX event_deliveries_due ON event_deliveries (webhook_id, next_attempt_at, id) WHERE status = 'pending';
CREATE INDEX event_deliveries_under_way ON event_deliveries (webhook_id, claimed_until) WHERE status = 'delivering';
CREATE INDEX event_deliveries_claims ON event_deliveries (claimed_until) WHERE status = 'delivering';
CREATE INDEX event_deliveries_failed ON event_deliveries (webhook_id, created_at) WHERE status = 'failed';
CREATE INDEX event_deliveries_conversation ON event_deliveries (conversation_id) WHERE conversation_id IS NOT NULL;

-- Redis streams that were ever fed, and how far each account's events are in them. An account without a row here was made
-- after its stream: it begins at the start of its feed.
CREATE TABLE event_streams (
  name text PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE event_stream_positions (
  stream text NOT NULL REFERENCES event_streams ON DELETE CASCADE,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  position bigint NOT NULL,
  PRIMARY KEY (stream, account_id)
) WITH (fillfactor = 50);

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['event_webhooks', 'event_deliveries'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_account ON %I TO tertulia_app
                    USING (account_id = (SELECT current_account()))
                    WITH CHECK (account_id = (SELECT current_account()))', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO tertulia_app', t);
  END LOOP;
END $$;
