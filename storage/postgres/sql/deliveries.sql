-- Deliveries to providers, as clients read and retry them, and providers' receipts (delivery/deliveries.py).


-- name: deliveries_page
-- A page of deliveries, newest first: the newest of each wanted status, merged.
-- $1 uuid account, $2 text[] statuses, $3 uuid channel or null, $4 bigint and $5 uuid: time (µs) and message id of the
-- last row seen, or null, $6 limit
SELECT {{columns}} FROM unnest($2::text[]) AS w (status) CROSS JOIN LATERAL (
  SELECT * FROM outbox f WHERE f.account_id = $1 AND f.status = w.status AND ($3::uuid IS NULL OR f.channel_id = $3)
    AND ($4::bigint IS NULL OR (f.created_at, f.message_id) < (to_timestamp($4 / 1000000.0), $5::uuid))
  ORDER BY f.created_at DESC, f.message_id DESC LIMIT $6) AS o
ORDER BY o.created_at DESC, o.message_id DESC LIMIT $6


-- name: delivery_get
-- The delivery of a message.
-- $1 uuid message
SELECT {{columns}} FROM outbox o WHERE o.message_id = $1


-- name: delivery_retry
-- Queue a failed delivery again. A message that had been sent completely starts over, and the provider ids of its first
-- sending are forgotten; otherwise the next attempt continues after the parts that were accepted.
-- $1 uuid message
WITH meant AS (SELECT conversation_id, seq, sent_at FROM outbox WHERE message_id = $1 AND status = 'failed' FOR UPDATE),
forgotten AS (
  DELETE FROM outbox_ids i USING meant m
  WHERE i.conversation_id = m.conversation_id AND i.seq = m.seq AND m.sent_at IS NOT NULL)
UPDATE outbox o SET status = 'queued', error = NULL, attempts = 0, uncertain = 0, lost_answers = 0, sent_at = NULL,
  parts_done = CASE WHEN m.sent_at IS NULL THEN o.parts_done ELSE 0 END, next_attempt_at = now(), queued_at = now(),
  updated_at = now()
FROM meant m WHERE o.conversation_id = m.conversation_id AND o.seq = m.seq
RETURNING o.message_id::text


-- name: receipts_receive
-- Apply a provider's receipts and return the deliveries that advanced. See receive_receipts in schema.sql.
-- $1 uuid account, $2 uuid channel; arrays: $3 text statuses, $4 text provider ids, $5 uuid message ids, $6 text
-- recipients, $7 bigint watermarks (ms), $8 text errors as JSON
SELECT {{columns}} FROM receive_receipts($1, $2, $3, $4, $5, $6, $7, $8) AS o


-- name: deliveries_clicked
-- Note that a link in mails was followed, the first time.
-- $1 uuid channel, $2 uuid[] messages, $3 text[] provider ids
UPDATE outbox o SET clicked_at = now() WHERE o.channel_id = $1 AND o.clicked_at IS NULL AND (o.message_id = ANY ($2::uuid[])
  OR (o.conversation_id, o.seq) IN (SELECT i.conversation_id, i.seq FROM outbox_ids i
                                    WHERE i.channel_id = $1 AND i.provider_id = ANY ($3::text[])))
