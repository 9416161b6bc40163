-- The core schema: accounts, channels, contacts, conversations, their journal, and who owns which partition.
-- Times are timestamptz; ids are UUIDs made by the server. Row-level security binds the role tertulia_app to
-- the account named by the setting tertulia.account; the journal and the schema's owner stand outside it.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

DO $$ BEGIN
  CREATE ROLE tertulia_app NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
GRANT tertulia_app TO CURRENT_USER;

CREATE TABLE accounts (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- Where an account's feed stands: every entry of the account has a place in it, 1, 2, 3 … in the order of commits.
-- `generation` tells cursors of this database from those of another one (a restored backup, say).
CREATE TABLE account_feeds (
  account_id uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
  generation text NOT NULL DEFAULT substr(md5(gen_random_uuid()::text), 1, 8),
  position bigint NOT NULL DEFAULT 0,
  kept_from bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 10);

CREATE TABLE channels (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  type text NOT NULL,
  name text NOT NULL,
  config jsonb NOT NULL DEFAULT '{}',
  credentials bytea,
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX channels_account ON channels (account_id, created_at, id);

CREATE TABLE contacts (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  name text,
  attributes jsonb NOT NULL DEFAULT '{}',
  merged_into uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX contacts_account ON contacts (account_id, created_at DESC, id DESC);
CREATE INDEX contacts_name ON contacts USING gin (name gin_trgm_ops);

CREATE TABLE contact_identifiers (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  contact_id uuid NOT NULL REFERENCES contacts ON DELETE CASCADE,
  channel_type text NOT NULL,
  identifier text NOT NULL,
  display_name text,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT contact_identifiers_unique UNIQUE (account_id, channel_type, identifier)
);
CREATE INDEX contact_identifiers_contact ON contact_identifiers (contact_id);

CREATE TABLE agents (
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  user_id text NOT NULL,
  name text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, user_id)
);

CREATE TABLE api_clients (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  name text NOT NULL,
  secret_hash bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz
);
CREATE INDEX api_clients_account ON api_clients (account_id, created_at, id);

CREATE TABLE audit_log (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  at timestamptz NOT NULL DEFAULT now(),
  actor_type text NOT NULL,
  actor_id text,
  action text NOT NULL,
  target_type text,
  target_id text,
  details jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_account ON audit_log (account_id, id DESC);

-- The projection: one row a conversation, written in the same commit as its entries. The indexes name only columns
-- that a plain message leaves alone, so that a message's update stays within its heap page (HOT).
CREATE TABLE conversations (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL,
  channel_id uuid NOT NULL,
  channel_type text NOT NULL,
  contact_id uuid NOT NULL,
  contact_identifier text NOT NULL,
  topic text NOT NULL DEFAULT '',
  contact_name text,
  outlet_id uuid,
  status text NOT NULL,
  priority text NOT NULL,
  subject text,
  labels jsonb NOT NULL DEFAULT '[]',
  assignee_id text,
  team_id uuid,
  handoff_requested boolean NOT NULL DEFAULT false,
  handoff_reason text,
  bot_context jsonb NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}',
  seq integer NOT NULL,
  unread_count integer NOT NULL,
  first_reply_at timestamptz,
  last_message_at timestamptz,
  last_message_preview text,
  snoozed_until timestamptz,
  waiting_since timestamptz NOT NULL,
  resolved_at timestamptz,
  archived_at timestamptz,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX conversations_live ON conversations (account_id, channel_id, contact_identifier, topic)
  WHERE status IN ('open', 'bot', 'assigned', 'pending');
CREATE INDEX conversations_thread ON conversations (account_id, channel_id, contact_identifier, topic, id DESC);
CREATE INDEX conversations_created ON conversations (account_id, created_at, id);
CREATE INDEX conversations_waiting ON conversations (account_id, waiting_since, id);
CREATE INDEX conversations_status ON conversations (account_id, status, id);
CREATE INDEX conversations_assignee ON conversations (account_id, assignee_id, status, id);
CREATE INDEX conversations_team ON conversations (account_id, team_id, id) WHERE team_id IS NOT NULL;
CREATE INDEX conversations_contact ON conversations (account_id, contact_id, id);
CREATE INDEX conversations_priority ON conversations
  (account_id, (array_position(ARRAY['low', 'normal', 'high', 'urgent'], priority)), id);
CREATE INDEX conversations_labels ON conversations USING gin (labels jsonb_path_ops);
CREATE INDEX conversations_search ON conversations
  USING gin ((coalesce(contact_name, '') || ' ' || contact_identifier || ' ' || coalesce(subject, '')) gin_trgm_ops);

-- The inbox's order, apart from `conversations` because it changes with every message.
CREATE TABLE conversation_recency (
  conversation_id uuid PRIMARY KEY,
  account_id uuid NOT NULL,
  last_message_at timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX conversation_recency_order ON conversation_recency (account_id, last_message_at, conversation_id);

-- The journal and the message history in one: append-only. A UUIDv7 carries its month, so a partition is a month of
-- conversations, and unique keys hold inside it.
CREATE TABLE entries (
  conversation_id uuid NOT NULL,
  seq integer NOT NULL,
  account_id uuid NOT NULL,
  position bigint NOT NULL,
  at timestamptz NOT NULL,
  kind text NOT NULL,
  actor_type text NOT NULL,
  actor_id text,
  command_key text,
  data jsonb NOT NULL,
  CONSTRAINT entries_pkey PRIMARY KEY (conversation_id, seq)
) PARTITION BY RANGE (conversation_id);
CREATE INDEX entries_feed ON entries (account_id, position);
CREATE UNIQUE INDEX entries_command_key ON entries (conversation_id, command_key) WHERE command_key IS NOT NULL;
CREATE INDEX entries_text ON entries USING gin (to_tsvector('simple', data ->> 'content')) WHERE kind = 'message';

CREATE TABLE entries_other PARTITION OF entries DEFAULT;

-- Messages of providers, kept for good: a provider's repeat is known however late it comes.
CREATE TABLE provider_messages (
  channel_id uuid NOT NULL,
  external_id text NOT NULL,
  conversation_id uuid NOT NULL,
  seq integer NOT NULL,
  CONSTRAINT provider_messages_pkey PRIMARY KEY (channel_id, external_id)
);

-- Conversation hosts, and the partitions they own. A host takes a partition over by raising its epoch.
CREATE TABLE hosts (
  name text PRIMARY KEY,
  incarnation uuid NOT NULL,
  node text NOT NULL,
  beats bigint NOT NULL DEFAULT 0,
  draining boolean NOT NULL DEFAULT false,
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE partitions (
  id integer PRIMARY KEY CHECK (id BETWEEN 0 AND 1023),
  owner uuid,
  epoch bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO partitions (id) SELECT generate_series(0, 1023);

-- Row-level security: the application role sees the rows of the account it was bound to, or none.
CREATE FUNCTION current_account() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT nullif(current_setting('tertulia.account', true), '')::uuid $$;

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['account_feeds', 'channels', 'contacts', 'contact_identifiers', 'agents', 'api_clients',
                           'audit_log', 'conversations', 'conversation_recency', 'entries'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_account ON %I TO tertulia_app
                    USING (account_id = (SELECT current_account()))
                    WITH CHECK (account_id = (SELECT current_account()))', t);
    EXECUTE format('GRANT SELECT ON %I TO tertulia_app', t);
  END LOOP;
  FOREACH t IN ARRAY ARRAY['channels', 'contacts', 'contact_identifiers', 'agents', 'api_clients', 'audit_log'] LOOP
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I TO tertulia_app', t);
  END LOOP;
END $$;
ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON accounts TO tertulia_app USING (id = (SELECT current_account()));
GRANT SELECT, UPDATE ON accounts TO tertulia_app;
REVOKE UPDATE, DELETE ON audit_log FROM tertulia_app;
