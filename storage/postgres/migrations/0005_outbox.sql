-- What leaves for the providers. `outbox` has one row for each outbound message, written in the same commit as its entry
-- and kept for good: it is the record of the delivery, and what dispatchers take their work from.

-- Statuses only move up: see core/delivery.py. 'sending' is 'queued' to everybody but the dispatchers.
CREATE FUNCTION delivery_rank(status text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT array_position(ARRAY['queued', 'sending', 'sent', 'delivered', 'read', 'failed'], status) $$;

-- `attempts`: tries begun. `uncertain`: those of them that ended without our learning what the provider did, of which
-- `lost_answers` were time-outs and broken connections, the rest deaths of a dispatcher. `parts_done`: how many of the
-- message's requests the provider has taken. `sent_at`: when the request left that completed it.
CREATE TABLE outbox (
  conversation_id uuid NOT NULL,
  seq integer NOT NULL,
  account_id uuid NOT NULL,
  channel_id uuid NOT NULL,
  message_id uuid NOT NULL,
  status text NOT NULL DEFAULT 'queued' CHECK (delivery_rank(status) IS NOT NULL),
  attempts integer NOT NULL DEFAULT 0,
  uncertain integer NOT NULL DEFAULT 0,
  lost_answers integer NOT NULL DEFAULT 0,
  parts_done integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  claimed_by uuid,
  error jsonb,
  created_at timestamptz NOT NULL,
  queued_at timestamptz NOT NULL,
  sent_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT outbox_pkey PRIMARY KEY (conversation_id, seq)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX outbox_message ON outbox (message_id);
CREATE INDEX outbox_due ON outbox (channel_id, next_attempt_at, conversation_id, seq) WHERE status = 'queued';
CREATE INDEX outbox_pending ON outbox (conversation_id, seq) WHERE status IN ('queued', 'sending');
CREATE INDEX outbox_sending ON outbox (claimed_by) WHERE status = 'sending';
CREATE INDEX outbox_account ON outbox (account_id, status, created_at, message_id);

-- The providers' ids of what we sent, one for each request that made the message.
CREATE TABLE outbox_ids (
  channel_id uuid NOT NULL,
  provider_id text NOT NULL,
  account_id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  seq integer NOT NULL,
  part integer NOT NULL,
  CONSTRAINT outbox_ids_pkey PRIMARY KEY (channel_id, provider_id)
);
CREATE INDEX outbox_ids_message ON outbox_ids (conversation_id, seq, part);

-- Receipts of messages whose sending is not recorded yet, and how far each recipient's watermarks went. Kept for days.
-- The keys are hashes (see receipt_key): provider ids and recipients can be telephone numbers.
CREATE TABLE early_receipts (
  channel_id uuid NOT NULL,
  key text NOT NULL,
  account_id uuid NOT NULL,
  status text NOT NULL,
  error jsonb,
  watermark timestamptz,
  received_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT early_receipts_pkey PRIMARY KEY (channel_id, key)
);
CREATE INDEX early_receipts_received ON early_receipts (received_at);

-- The fence: only the registered incarnation of a shard's dispatcher may claim.
CREATE TABLE dispatchers (
  shard integer PRIMARY KEY,
  incarnation uuid NOT NULL,
  registered_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION receipt_key(kind text, value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT encode(sha256(convert_to(kind || ':' || value, 'UTF8')), 'hex') $$;

-- Whoever records a sending and whoever brings its receipt meet here, or each could miss the other.
CREATE FUNCTION lock_receipts(channel uuid, keys text[]) RETURNS void LANGUAGE sql AS $$
  SELECT pg_advisory_xact_lock(k) FROM (
    SELECT DISTINCT hashtextextended(channel::text || key, 0) AS k FROM unnest(keys) AS key WHERE key IS NOT NULL
    ORDER BY k) AS ordered
$$;

-- outbox_sent: the provider took the last part. Receipts that came early are merged, and the conversation's next message
-- becomes due. Returns the delivery as it is now; nothing where `me` does not hold the message (any more).
CREATE FUNCTION outbox_sent(
  me uuid, conversation uuid, number integer, new_part integer, new_provider_id text, left_at bigint
) RETURNS SETOF outbox LANGUAGE plpgsql AS $$
DECLARE
  o outbox;
  keys text[];
  best early_receipts;
BEGIN
  SELECT * INTO o FROM outbox w WHERE w.conversation_id = conversation AND w.seq = number AND w.status = 'sending'
    AND w.claimed_by = me FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF new_provider_id IS NOT NULL THEN
    INSERT INTO outbox_ids VALUES (o.channel_id, new_provider_id, o.account_id, conversation, number, new_part)
    ON CONFLICT DO NOTHING;
  END IF;
  SELECT array_agg(receipt_key('id', i.provider_id)) INTO keys FROM outbox_ids i
  WHERE i.conversation_id = conversation AND i.seq = number;
  SELECT keys || receipt_key('message', o.message_id::text) || receipt_key('delivered', c.contact_identifier)
         || receipt_key('read', c.contact_identifier) INTO keys
  FROM conversations c WHERE c.id = conversation;
  PERFORM lock_receipts(o.channel_id, keys);
  SELECT * INTO best FROM early_receipts e
  WHERE e.channel_id = o.channel_id AND e.key = ANY (keys)
    AND (e.watermark IS NULL OR e.watermark >= to_timestamp(left_at / 1000.0))
  ORDER BY delivery_rank(e.status) DESC LIMIT 1;
  DELETE FROM early_receipts e WHERE e.channel_id = o.channel_id AND e.key = ANY (keys) AND e.watermark IS NULL;
  UPDATE outbox w SET next_attempt_at = now() WHERE w.conversation_id = conversation AND w.status = 'queued' AND w.seq = (
    SELECT min(n.seq) FROM outbox n WHERE n.conversation_id = conversation AND n.status = 'queued');
  RETURN QUERY UPDATE outbox w SET
      status = CASE WHEN delivery_rank(best.status) > delivery_rank('sent') THEN best.status ELSE 'sent' END,
      error = CASE WHEN best.status = 'failed' THEN best.error END,
      parts_done = new_part + 1, claimed_by = NULL, sent_at = to_timestamp(left_at / 1000.0), updated_at = now()
    WHERE w.conversation_id = conversation AND w.seq = number RETURNING w.*;
END $$;

-- receive_receipts: what a provider tells of messages we sent; returns the deliveries that moved. The rows of the arrays are
-- each one of: a provider id (with our message id where the provider gave that back too), a message id, a recipient with
-- a watermark. What is not sent yet is kept in early_receipts.
CREATE FUNCTION receive_receipts(
  account uuid, channel uuid,
  r_status text[], r_provider text[], r_message uuid[], r_recipient text[], r_watermark bigint[], r_error text[]
) RETURNS SETOF outbox LANGUAGE plpgsql AS $$
BEGIN
  PERFORM lock_receipts(channel, (
    SELECT array_agg(CASE WHEN r.provider IS NOT NULL THEN receipt_key('id', r.provider)
                          WHEN r.message IS NOT NULL THEN receipt_key('message', r.message::text)
                          ELSE receipt_key(r.status, r.recipient) END)
    FROM unnest(r_status, r_provider, r_message, r_recipient) AS r (status, provider, message, recipient)));

  INSERT INTO early_receipts AS e (channel_id, key, account_id, status, error, watermark)
  SELECT DISTINCT ON (k.key) channel, k.key, account, r.status, r.error::jsonb, to_timestamp(r.watermark / 1000.0)
  FROM unnest(r_status, r_provider, r_message, r_recipient, r_watermark, r_error)
    AS r (status, provider, message, recipient, watermark, error)
  CROSS JOIN LATERAL (SELECT CASE WHEN r.provider IS NOT NULL THEN receipt_key('id', r.provider)
                                  WHEN r.message IS NOT NULL THEN receipt_key('message', r.message::text)
                                  ELSE receipt_key(r.status, r.recipient) END AS key) AS k
  WHERE r.watermark IS NOT NULL OR (
    NOT EXISTS (SELECT FROM outbox_ids i JOIN outbox o USING (conversation_id, seq)
                WHERE i.channel_id = channel AND i.provider_id = r.provider AND o.status NOT IN ('queued', 'sending'))
    AND NOT EXISTS (SELECT FROM outbox o
                    WHERE o.message_id = r.message AND o.channel_id = channel AND o.status NOT IN ('queued', 'sending')))
  ORDER BY k.key, delivery_rank(r.status) DESC, r.watermark DESC
  ON CONFLICT (channel_id, key) DO UPDATE SET
    status = CASE WHEN delivery_rank(excluded.status) > delivery_rank(e.status) THEN excluded.status ELSE e.status END,
    error = CASE WHEN delivery_rank(excluded.status) > delivery_rank(e.status) THEN excluded.error ELSE e.error END,
    watermark = greatest(e.watermark, excluded.watermark), received_at = now();

  RETURN QUERY
  WITH r AS MATERIALIZED (
    SELECT * FROM unnest(r_status, r_provider, r_message, r_recipient, r_watermark, r_error)
      AS r (status, provider, message, recipient, watermark, error)),
  meant AS (
    SELECT r.status, r.error, i.conversation_id, i.seq
    FROM r JOIN outbox_ids i ON i.channel_id = channel AND i.provider_id = r.provider
    UNION ALL
    SELECT r.status, r.error, o.conversation_id, o.seq
    FROM r JOIN outbox o ON o.message_id = r.message AND o.channel_id = channel
    UNION ALL
    SELECT r.status, r.error, o.conversation_id, o.seq
    FROM r JOIN conversations c ON c.account_id = account AND c.channel_id = channel AND c.contact_identifier = r.recipient
    JOIN outbox o ON o.conversation_id = c.id AND o.sent_at <= to_timestamp(r.watermark / 1000.0)
    WHERE r.watermark IS NOT NULL),
  best AS (
    SELECT DISTINCT ON (m.conversation_id, m.seq) m.* FROM meant m
    ORDER BY m.conversation_id, m.seq, delivery_rank(m.status) DESC),
  held AS (  -- in order, so that two callers never deadlock
    SELECT o.conversation_id, o.seq, b.status, b.error FROM outbox o JOIN best b USING (conversation_id, seq)
    WHERE o.status IN ('sent', 'delivered', 'read') AND delivery_rank(b.status) > delivery_rank(o.status)
    ORDER BY o.conversation_id, o.seq FOR UPDATE OF o)
  UPDATE outbox o SET status = h.status, error = CASE WHEN h.status = 'failed' THEN h.error::jsonb END, updated_at = now()
  FROM held h WHERE o.conversation_id = h.conversation_id AND o.seq = h.seq
  RETURNING o.*;
END $$;

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['outbox', 'outbox_ids', 'early_receipts'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_account ON %I TO tertulia_app
                    USING (account_id = (SELECT current_account()))
                    WITH CHECK (account_id = (SELECT current_account()))', t);
    EXECUTE format('GRANT SELECT ON %I TO tertulia_app', t);
  END LOOP;
END $$;
GRANT UPDATE ON outbox TO tertulia_app;
GRANT DELETE ON outbox_ids TO tertulia_app;
GRANT INSERT, UPDATE ON early_receipts TO tertulia_app;

-- commit_batch as in 0002, with what a batch sends to providers, and with edits.
--
-- 1. The fence: every touched partition is locked FOR SHARE and must still have the epoch the host knows; otherwise
--    SQLSTATE TE001 and nothing is written.
-- 2. Provider ids and entries go in; a repeated key raises unique_violation and nothing is written.
-- 3. The accounts' feeds move on. Their rows are locked last and in order, so that two hosts never deadlock
--    and hold each other up only for the rest of the statement.
-- 4. Outbox rows of the messages that a dispatcher has to send. An entry of kind 'edited' {message_id, content, edited_at}
--    changes the message it names as well, unless that has a newer edit, so that whoever reads it later sees it as it is.
-- Returns the feed position of each account after the batch.
DROP FUNCTION commit_batch;
CREATE FUNCTION commit_batch(
  partition_ids integer[], epochs bigint[],
  account_ids uuid[], account_counts integer[],
  e_conversation uuid[], e_seq integer[], e_account integer[], e_ordinal integer[], e_at bigint[], e_kind text[],
  e_actor_type text[], e_actor_id text[], e_key text[], e_data text[],
  t_id uuid[], t_seq integer[], t_unread integer[], t_updated bigint[], t_first_reply bigint[],
  t_last_message bigint[], t_preview text[],
  changed text[],
  r_id uuid[], r_account uuid[], r_at bigint[],
  p_channel uuid[], p_external text[], p_conversation uuid[], p_seq integer[],
  o_conversation uuid[], o_seq integer[], o_account uuid[], o_channel uuid[], o_message uuid[], o_at bigint[]
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  standing integer;
  bases bigint[];
BEGIN
  SELECT count(*) INTO standing FROM (
    SELECT 1 FROM partitions p JOIN unnest(partition_ids, epochs) AS w (id, epoch) ON p.id = w.id AND p.epoch = w.epoch
    FOR SHARE OF p) AS held;
  IF standing <> cardinality(partition_ids) THEN
    RAISE EXCEPTION 'stale epoch' USING ERRCODE = 'TE001';
  END IF;

  IF cardinality(p_external) > 0 THEN
    INSERT INTO provider_messages SELECT * FROM unnest(p_channel, p_external, p_conversation, p_seq);
  END IF;

  IF cardinality(changed) > 0 THEN
    INSERT INTO conversations SELECT (jsonb_populate_record(NULL::conversations, c::jsonb)).* FROM unnest(changed) AS c
    ON CONFLICT (id) DO UPDATE SET
      contact_id = excluded.contact_id, contact_name = excluded.contact_name, outlet_id = excluded.outlet_id,
      status = excluded.status, priority = excluded.priority, subject = excluded.subject, labels = excluded.labels,
      assignee_id = excluded.assignee_id, team_id = excluded.team_id,
      handoff_requested = excluded.handoff_requested, handoff_reason = excluded.handoff_reason,
      bot_context = excluded.bot_context, metadata = excluded.metadata, seq = excluded.seq,
      unread_count = excluded.unread_count, first_reply_at = excluded.first_reply_at,
      last_message_at = excluded.last_message_at, last_message_preview = excluded.last_message_preview,
      snoozed_until = excluded.snoozed_until, waiting_since = excluded.waiting_since,
      resolved_at = excluded.resolved_at, archived_at = excluded.archived_at, updated_at = excluded.updated_at;
  END IF;
  IF cardinality(t_id) > 0 THEN
    UPDATE conversations c SET
      seq = t.seq, unread_count = t.unread, updated_at = to_timestamp(t.updated / 1000.0),
      first_reply_at = to_timestamp(t.first_reply / 1000.0), last_message_at = to_timestamp(t.last_message / 1000.0),
      last_message_preview = t.preview
    FROM unnest(t_id, t_seq, t_unread, t_updated, t_first_reply, t_last_message, t_preview)
      AS t (id, seq, unread, updated, first_reply, last_message, preview)
    WHERE c.id = t.id;
  END IF;

  IF cardinality(r_id) > 0 THEN
    INSERT INTO conversation_recency AS r (conversation_id, account_id, last_message_at)
    SELECT u.id, u.account, to_timestamp(u.at / 1000.0) FROM unnest(r_id, r_account, r_at) AS u (id, account, at)
    ON CONFLICT (conversation_id) DO UPDATE SET last_message_at = excluded.last_message_at;
  END IF;

  PERFORM 1 FROM account_feeds WHERE account_id = ANY (account_ids) ORDER BY account_id FOR UPDATE;
  WITH moved AS (
    UPDATE account_feeds f SET position = f.position + w.n
    FROM unnest(account_ids, account_counts) AS w (id, n) WHERE f.account_id = w.id
    RETURNING f.account_id, f.position - w.n AS base)
  SELECT array_agg(m.base ORDER BY w.ord) INTO bases
  FROM unnest(account_ids) WITH ORDINALITY AS w (id, ord) LEFT JOIN moved m ON m.account_id = w.id;

  INSERT INTO entries (conversation_id, seq, account_id, position, at, kind, actor_type, actor_id, command_key, data)
  SELECT e.conversation, e.seq, account_ids[e.account], bases[e.account] + e.ordinal, to_timestamp(e.at / 1000.0), e.kind,
         e.actor_type, e.actor_id, e.key, e.data::jsonb
  FROM unnest(e_conversation, e_seq, e_account, e_ordinal, e_at, e_kind, e_actor_type, e_actor_id, e_key, e_data)
    AS e (conversation, seq, account, ordinal, at, kind, actor_type, actor_id, key, data);

  IF cardinality(o_seq) > 0 THEN
    INSERT INTO outbox (conversation_id, seq, account_id, channel_id, message_id, created_at, queued_at)
    SELECT o.conversation, o.seq, o.account, o.channel, o.message, to_timestamp(o.at / 1000.0), now()
    FROM unnest(o_conversation, o_seq, o_account, o_channel, o_message, o_at)
      AS o (conversation, seq, account, channel, message, at);
  END IF;
  IF 'edited' = ANY (e_kind) THEN
    UPDATE entries m SET data = m.data || jsonb_build_object(
      'content', n.data -> 'content',
      'metadata', coalesce(m.data -> 'metadata', '{}') || jsonb_build_object('edited_at', n.data -> 'edited_at'))
    FROM (
      SELECT DISTINCT ON (e.conversation, e.data::jsonb ->> 'message_id') e.conversation, e.data::jsonb AS data
      FROM unnest(e_conversation, e_kind, e_data) AS e (conversation, kind, data) WHERE e.kind = 'edited'
      ORDER BY e.conversation, e.data::jsonb ->> 'message_id', (e.data::jsonb ->> 'edited_at')::bigint DESC) AS n
    WHERE m.conversation_id = n.conversation AND m.kind = 'message' AND m.data ->> 'id' = n.data ->> 'message_id'
      AND coalesce((m.data -> 'metadata' ->> 'edited_at')::bigint, 0) < (n.data ->> 'edited_at')::bigint;
  END IF;

  RETURN bases;
END $$;
