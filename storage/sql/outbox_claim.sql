-- Claim due messages of a channel, of each conversation only the oldest that is not sent. The others that are due are put
-- off, until that one's next try and for a second at least, so that looking for due messages costs the same however
-- many wait behind one. A mail refers to the customer's mails or, as long as there are none, to ours. No row at all: the
-- caller's incarnation is not the registered one.
-- $1 integer shard, $2 uuid incarnation, $3 uuid channel, $4 integer: how many at most, $5 integer: how many to look at
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
  v.contact_identifier, v.channel_type, v.subject,
  CASE WHEN e.data ->> 'reply_to' IS NOT NULL THEN (
    SELECT coalesce(r.data ->> 'external_id', (
      SELECT i.provider_id FROM outbox_ids i WHERE i.conversation_id = r.conversation_id AND i.seq = r.seq
      ORDER BY i.part LIMIT 1))
    FROM entries r WHERE r.conversation_id = c.conversation_id AND r.kind = 'message' AND r.data ->> 'id' = e.data ->> 'reply_to'
    LIMIT 1) END,
  CASE WHEN v.channel_type = 'email' THEN coalesce(nullif(ARRAY(
    SELECT n.external_id FROM (
      SELECT m.seq, m.data ->> 'external_id' AS external_id FROM entries m
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
      AND r.status <> 'failed')
FROM fence f LEFT JOIN claimed c ON true
LEFT JOIN entries e ON e.conversation_id = c.conversation_id AND e.seq = c.seq
LEFT JOIN conversations v ON v.id = c.conversation_id
