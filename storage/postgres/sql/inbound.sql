-- What arrives from providers: originals of edits and reactions, and payloads that were set aside
-- (delivery/inbound.py).


-- name: failure_columns
-- Columns of a Failure. The `payload` part is the column, or an empty value where a list leaves it out.
f.id::text, f.account_id::text, f.channel_id::text, (extract(epoch FROM f.at) * 1000)::bigint, f.faults::text,
f.headers::text, f.size, {{payload}}, (extract(epoch FROM f.replayed_at) * 1000)::bigint


-- name: failure_add
-- Set a payload aside, and delete the channel's oldest beyond the number kept. The same payload again updates its row.
-- $1 uuid, $2 uuid account, $3 uuid channel, $4 text faults as JSON, $5 text headers as JSON, $6 integer size, $7 bytea
-- payload, $8 integer others to keep
WITH surplus AS (
  DELETE FROM inbound_failures WHERE id IN (
    SELECT f.id FROM inbound_failures f WHERE f.channel_id = $3 AND f.id <> $1 ORDER BY f.at DESC, f.id DESC OFFSET $8))
INSERT INTO inbound_failures (id, account_id, channel_id, faults, headers, size, payload)
VALUES ($1, $2, $3, $4::text::jsonb, $5::text::jsonb, $6, $7)
ON CONFLICT (id) DO UPDATE SET at = excluded.at, faults = excluded.faults, replayed_at = NULL


-- name: failure_get
-- One payload that was set aside.
-- $1 uuid
SELECT {{columns}} FROM inbound_failures f WHERE f.id = $1


-- name: failure_replayed
-- Record a replay: the faults that remain, or that everything was accepted.
-- $1 uuid, $2 text faults as JSON, $3 boolean whether everything was accepted
UPDATE inbound_failures f SET faults = CASE WHEN $3 THEN f.faults ELSE $2::text::jsonb END,
  replayed_at = CASE WHEN $3 THEN now() ELSE f.replayed_at END
WHERE f.id = $1 RETURNING {{columns}}


-- name: failures_page
-- A page of payloads that were set aside, newest first, each row with its sort key in front.
-- $1 uuid channel or null, $2 bigint and $3 uuid: time (µs) and id of the last row seen, or null, $4 limit
SELECT (extract(epoch FROM f.at) * 1000000)::bigint, {{columns}} FROM inbound_failures f
WHERE ($1::uuid IS NULL OR f.channel_id = $1)
  AND ($2::bigint IS NULL OR (f.at, f.id) < (to_timestamp($2 / 1000000.0), $3::uuid))
ORDER BY f.at DESC, f.id DESC LIMIT $4


-- name: originals
-- The messages that provider ids refer to, inbound or outbound, with their threads.
-- $1 uuid account, $2 uuid channel, $3 text[] provider ids
SELECT m.external_id, c.id::text, e.seq, e.data ->> 'id', e.data ->> 'content',
  CASE WHEN jsonb_typeof(e.data #> '{metadata,edited_at}') = 'number' THEN (e.data #>> '{metadata,edited_at}')::bigint
  ELSE 0 END, c.contact_identifier, c.topic
FROM unnest($3::text[]) AS w (provider_id)
JOIN provider_messages m ON m.channel_id = $2 AND m.external_id = w.provider_id
JOIN conversations c ON c.id = m.conversation_id AND c.account_id = $1
JOIN entries e ON e.conversation_id = m.conversation_id AND e.seq = m.seq AND e.kind = 'message'
UNION ALL
SELECT o.provider_id, c.id::text, e.seq, e.data ->> 'id', e.data ->> 'content', 0, c.contact_identifier, c.topic
FROM unnest($3::text[]) AS w (provider_id)
JOIN outbox_ids o ON o.channel_id = $2 AND o.provider_id = w.provider_id
JOIN conversations c ON c.id = o.conversation_id AND c.account_id = $1
JOIN entries e ON e.conversation_id = o.conversation_id AND e.seq = o.seq AND e.kind = 'message'
