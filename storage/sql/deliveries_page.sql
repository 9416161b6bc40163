-- Deliveries, newest first: the newest of each status asked for, merged.
-- $1 uuid account, $2 text[] statuses, $3 uuid channel or null, $4 bigint and $5 uuid: time (µs) and message id of the last
-- one seen, or null, $6 how many
SELECT {{columns}} FROM unnest($2::text[]) AS w (status) CROSS JOIN LATERAL (
  SELECT * FROM outbox f WHERE f.account_id = $1 AND f.status = w.status AND ($3::uuid IS NULL OR f.channel_id = $3)
    AND ($4::bigint IS NULL OR (f.created_at, f.message_id) < (to_timestamp($4 / 1000000.0), $5::uuid))
  ORDER BY f.created_at DESC, f.message_id DESC LIMIT $6) AS o
ORDER BY o.created_at DESC, o.message_id DESC LIMIT $6
