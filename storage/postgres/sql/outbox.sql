-- The outbox, as dispatchers use it (delivery/outbox.py).


-- name: outbox_again
-- Queue a message again for later. Returns a row if the claim still stood.
-- $1 uuid incarnation, $2 uuid conversation, $3 integer seq, $4 float8 seconds, $5 text error as JSON, $6 boolean
-- whether the provider may have accepted it
UPDATE outbox SET status = 'queued', claimed_by = NULL, next_attempt_at = now() + make_interval(secs => $4),
  error = $5::text::jsonb, uncertain = uncertain + $6::boolean::integer, lost_answers = lost_answers + $6::boolean::integer,
  updated_at = now()
WHERE conversation_id = $2 AND seq = $3 AND status = 'sending' AND claimed_by = $1 RETURNING 1


-- name: outbox_claim
-- Claim due messages of a channel: of each conversation only the oldest unsent one. Its other due messages are
-- postponed to that one's next attempt, for a second at least, so that looking for due messages costs the same however
-- many wait behind one. An e-mail refers to the customer's mails, or to ours while there are none. On Telegram and SMS
-- an answer goes where the message was written that it answers, or the customer's newest. Returns no row at all if the caller's incarnation is not the registered one.
-- $1 integer shard, $2 uuid incarnation, $3 uuid channel, $4 integer messages to claim, $5 integer messages to look at
WITH fence AS MATERIALIZED (
  SELECT incarnation FROM dispatchers WHERE shard = $1 AND incarnation = $2 FOR SHARE),
seen AS MATERIALIZED (
  SELECT o.conversation_id, o.seq, o.next_attempt_at, (
    SELECT max(b.next_attempt_at) FROM outbox b
    WHERE b.conversation_id = o.conversation_id AND b.seq < o.seq AND b.status IN ('queued', 'sending')) AS behind
  FROM outbox o
  WHERE o.channel_id = $3 AND o.status = 'queued' AND o.next_attempt_at <= now() AND EXISTS (SELECT FROM fence)
  ORDER BY o.next_attempt_at, o.conversation_id, o.seq LIMIT $5),
heads AS MATERIALIZED (
  SELECT conversation_id, seq FROM seen WHERE behind IS NULL ORDER BY next_attempt_at, conversation_id, seq LIMIT $4),
put_off AS (
  UPDATE outbox o SET next_attempt_at = greatest(s.behind, now() + interval '1 second')
  FROM seen s WHERE s.behind IS NOT NULL AND o.conversation_id = s.conversation_id AND o.seq = s.seq AND o.status = 'queued'),
claimed AS (
  UPDATE outbox o SET status = 'sending', claimed_by = $2, attempts = o.attempts + 1, updated_at = now()
  FROM heads h WHERE o.conversation_id = h.conversation_id AND o.seq = h.seq AND o.status = 'queued'
  RETURNING o.*)
SELECT c.conversation_id::text, c.seq, c.account_id::text, c.channel_id::text, c.message_id::text, c.attempts, c.lost_answers,
  c.uncertain - c.lost_answers, c.parts_done, extract(epoch FROM now() - c.queued_at)::float8, e.data::text,
  coalesce(i.sends_to, v.contact_identifier), v.channel_type, v.subject,
  CASE WHEN e.data ->> 'reply_to' IS NOT NULL THEN (
    SELECT coalesce(r.data #>> '{metadata,message_id}', r.data ->> 'external_id', (
      SELECT i.provider_id FROM outbox_ids i WHERE i.conversation_id = r.conversation_id AND i.seq = r.seq
      ORDER BY i.part LIMIT 1))
    FROM entries r WHERE r.conversation_id = c.conversation_id AND r.kind = 'message' AND r.data ->> 'id' = e.data ->> 'reply_to'
    LIMIT 1) END,
  CASE WHEN v.channel_type = 'email' THEN coalesce(nullif(ARRAY(
    SELECT n.external_id FROM (
      SELECT m.seq, coalesce(m.data #>> '{metadata,message_id}', m.data ->> 'external_id') AS external_id FROM entries m
      WHERE m.conversation_id = c.conversation_id AND m.kind = 'message' AND m.seq < c.seq
        AND m.data ->> 'external_id' IS NOT NULL
      ORDER BY m.seq DESC LIMIT 10) AS n
    ORDER BY n.seq), '{}'), ARRAY(
    SELECT n.provider_id FROM (
      SELECT i.seq, i.provider_id FROM outbox_ids i
      WHERE i.conversation_id = c.conversation_id AND i.seq < c.seq ORDER BY i.seq DESC LIMIT 10) AS n
    ORDER BY n.seq)) END,
  c.uncertain > 0 AND EXISTS (
    SELECT FROM early_receipts r WHERE r.channel_id = c.channel_id AND r.key = receipt_key('message', c.message_id::text)
      AND r.status <> 'failed'),
  i.metadata::text,
  CASE WHEN v.channel_type IN ('email', 'sms') AND e.data ->> 'sender_type' IN ('bot', 'system') THEN (
    SELECT count(*) FROM conversations others JOIN outbox a ON a.conversation_id = others.id
      JOIN entries said ON said.conversation_id = a.conversation_id AND said.seq = a.seq
    WHERE others.account_id = v.account_id AND others.contact_id = v.contact_id AND others.channel_id = v.channel_id
      AND others.last_message_at > now() - interval '1 hour' AND a.sent_at > now() - interval '1 hour'
      AND said.data ->> 'sender_type' IN ('bot', 'system'))::integer ELSE 0 END,
  CASE WHEN v.channel_type IN ('telegram', 'sms') THEN (
    SELECT m.data -> 'metadata' FROM entries m
    WHERE m.conversation_id = c.conversation_id AND m.kind = 'message' AND m.data ->> 'direction' = 'inbound'
      AND m.data ->> 'content_type' IS DISTINCT FROM 'reaction' AND m.data ->> 'content_type' IS DISTINCT FROM 'poll_answer'
      AND coalesce(m.data #>> '{metadata,auto_reply}', '') <> 'true'
      AND m.seq <= coalesce((
        SELECT r.seq FROM entries r WHERE r.conversation_id = c.conversation_id AND r.kind = 'message'
          AND r.data ->> 'id' = e.data ->> 'reply_to' LIMIT 1), c.seq)
    ORDER BY m.seq DESC LIMIT 1)::text END
FROM fence f LEFT JOIN claimed c ON true
LEFT JOIN entries e ON e.conversation_id = c.conversation_id AND e.seq = c.seq
LEFT JOIN conversations v ON v.id = c.conversation_id
LEFT JOIN contact_identifiers i ON i.account_id = v.account_id AND i.channel_type = v.channel_type
  AND i.identifier = v.contact_identifier


-- name: outbox_depths
-- Unsent messages per channel, with the channel's type.
SELECT w.channel_id::text, coalesce(c.type, 'unknown'), w.count FROM (
  SELECT channel_id, count(*) FROM outbox WHERE status IN ('queued', 'sending') GROUP BY channel_id) AS w
LEFT JOIN channels c ON c.id = w.channel_id


-- name: outbox_drop_shards
-- Delete shards beyond the present number of dispatchers.
-- $1 integer number of dispatchers
DELETE FROM dispatchers WHERE shard >= $1


-- name: outbox_due
-- Channels with queued messages, and the seconds until the first one is due. One index step per channel.
WITH RECURSIVE first AS (
  (SELECT channel_id, next_attempt_at FROM outbox WHERE status = 'queued' ORDER BY channel_id, next_attempt_at LIMIT 1)
  UNION ALL
  SELECT n.channel_id, n.next_attempt_at FROM first f CROSS JOIN LATERAL (
    SELECT o.channel_id, o.next_attempt_at FROM outbox o WHERE o.status = 'queued' AND o.channel_id > f.channel_id
    ORDER BY o.channel_id, o.next_attempt_at LIMIT 1) AS n)
SELECT channel_id::text, greatest(0, extract(epoch FROM next_attempt_at - now()))::float8 FROM first


-- name: outbox_failed
-- A message has failed for good. The conversation's next one becomes due.
-- $1 uuid incarnation, $2 uuid conversation, $3 integer seq, $4 text error as JSON, $5 boolean whether the provider may
-- have accepted it
WITH failed AS (
  UPDATE outbox SET status = 'failed', claimed_by = NULL, error = $4::text::jsonb, updated_at = now(),
    uncertain = uncertain + $5::boolean::integer, lost_answers = lost_answers + $5::boolean::integer
  WHERE conversation_id = $2 AND seq = $3 AND status = 'sending' AND claimed_by = $1 RETURNING *),
next AS (
  UPDATE outbox n SET next_attempt_at = now() FROM failed f
  WHERE n.conversation_id = f.conversation_id AND n.status = 'queued' AND n.seq = (
    SELECT min(w.seq) FROM outbox w WHERE w.conversation_id = $2 AND w.status = 'queued'))
SELECT {{columns}} FROM failed o


-- name: outbox_held
-- What an incarnation has claimed.
-- $1 uuid incarnation
SELECT conversation_id::text, seq, attempts FROM outbox WHERE status = 'sending' AND claimed_by = $1


-- name: outbox_orphans
-- Requeue what dispatchers that are gone had under way. Whether the provider accepted it is unknown.
UPDATE outbox SET status = 'queued', claimed_by = NULL, uncertain = uncertain + 1, next_attempt_at = now(), updated_at = now(),
  error = '{"code": "outcome_unknown", "detail": "the dispatcher ended while it was sending this"}'
WHERE status = 'sending' AND claimed_by NOT IN (SELECT incarnation FROM dispatchers)


-- name: outbox_part_sent
-- The provider accepted a part, and others follow. Returns a row if the claim still stands.
-- $1 uuid incarnation, $2 uuid conversation, $3 integer seq, $4 integer part, $5 text provider id or null
WITH held AS (
  UPDATE outbox SET parts_done = $4 + 1, updated_at = now()
  WHERE conversation_id = $2 AND seq = $3 AND status = 'sending' AND claimed_by = $1 RETURNING *),
known AS (
  INSERT INTO outbox_ids (channel_id, provider_id, account_id, conversation_id, seq, part)
  SELECT channel_id, $5::text, account_id, conversation_id, seq, $4 FROM held WHERE $5::text IS NOT NULL
  ON CONFLICT DO NOTHING)
SELECT 1 FROM held


-- name: outbox_register_shard
-- Register a new incarnation of a shard's dispatcher. Waits for its predecessor's claims under way.
-- $1 integer shard, $2 uuid incarnation
INSERT INTO dispatchers (shard, incarnation) VALUES ($1, $2)
ON CONFLICT (shard) DO UPDATE SET incarnation = excluded.incarnation, registered_at = now()


-- name: outbox_release
-- Requeue claimed messages that their claimer does not know of.
-- $1 uuid incarnation, $2 uuid[] conversations, $3 integer[] seqs
UPDATE outbox o SET status = 'queued', claimed_by = NULL, uncertain = uncertain + 1, next_attempt_at = now(), updated_at = now(),
  error = '{"code": "outcome_unknown", "detail": "the claim was lost on its way"}'
FROM unnest($2::uuid[], $3::integer[]) AS w (conversation_id, seq)
WHERE o.conversation_id = w.conversation_id AND o.seq = w.seq AND o.status = 'sending' AND o.claimed_by = $1


-- name: outbox_sent
-- The provider accepted the last part. See outbox_sent in schema.sql.
-- $1 uuid incarnation, $2 uuid conversation, $3 integer seq, $4 integer part, $5 text provider id or null, $6 bigint
-- when its request left (ms)
SELECT {{columns}} FROM outbox_sent($1, $2, $3, $4, $5, $6) AS o


-- name: outbox_tidy
-- Delete receipts and watermarks that matched nothing for a week: their messages were sent by another system.
DELETE FROM early_receipts WHERE received_at < now() - interval '7 days'
