-- Set a payload aside, and let go what is beyond the newest of its channel. The same payload again is the same row.
-- $1 uuid, $2 uuid account, $3 uuid channel, $4 text faults as JSON, $5 text headers as JSON,
-- $6 integer size, $7 bytea payload, $8 integer how many are kept beside this one
WITH surplus AS (
  DELETE FROM inbound_failures WHERE id IN (
    SELECT f.id FROM inbound_failures f WHERE f.channel_id = $3 AND f.id <> $1 ORDER BY f.at DESC, f.id DESC OFFSET $8))
INSERT INTO inbound_failures (id, account_id, channel_id, faults, headers, size, payload)
VALUES ($1, $2, $3, $4::text::jsonb, $5::text::jsonb, $6, $7)
ON CONFLICT (id) DO UPDATE SET at = excluded.at, faults = excluded.faults, replayed_at = NULL
