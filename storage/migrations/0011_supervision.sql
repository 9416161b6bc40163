-- Supervision: who balances which accounts' agents, what routing remembers of a conversation, and the fence on assignments.

-- One row for each shard of accounts. A supervisor that takes a shard over raises its epoch; what its predecessor still
-- has under way is refused from then on (see commit_batch).
CREATE TABLE supervisors (
  shard integer PRIMARY KEY,
  incarnation uuid NOT NULL,
  epoch bigint NOT NULL DEFAULT 1,
  registered_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 10);

ALTER TABLE conversations ADD COLUMN routing jsonb NOT NULL DEFAULT '{}';

-- What a supervisor may have missed: an account's entries that are no messages, by their place in its feed.
CREATE INDEX entries_feed_events ON entries (account_id, position) WHERE kind <> 'message';
-- Assignments and offers of an agent, to tell who was idle longest.
CREATE INDEX conversations_held ON conversations (account_id, id) WHERE status IN ('open', 'assigned', 'pending');

-- When what routing goes by was changed last; supervisors look at it every second.
CREATE TABLE routing_changes (
  account_id uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
  version bigint NOT NULL DEFAULT 1,
  changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE SEQUENCE routing_versions;
CREATE FUNCTION note_routing_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE account uuid;
BEGIN
  account := CASE WHEN TG_TABLE_NAME = 'accounts' THEN (to_jsonb(NEW) ->> 'id')::uuid
                  ELSE coalesce(to_jsonb(NEW), to_jsonb(OLD)) ->> 'account_id' END;
  INSERT INTO routing_changes AS r (account_id, version) SELECT account, nextval('routing_versions')
  WHERE EXISTS (SELECT FROM accounts a WHERE a.id = account)
  ON CONFLICT (account_id) DO UPDATE SET version = excluded.version, changed_at = now();
  RETURN NULL;
END $$;
