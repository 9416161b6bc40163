-- Payloads that were set aside, newest first, perhaps of one channel; the sort key comes first, for the page's end.
-- $1 uuid channel or null, $2 bigint µs and $3 uuid of the last row seen or null, $4 integer
SELECT (extract(epoch FROM f.at) * 1000000)::bigint, {{columns}} FROM inbound_failures f
WHERE ($1::uuid IS NULL OR f.channel_id = $1)
  AND ($2::bigint IS NULL OR (f.at, f.id) < (to_timestamp($2 / 1000000.0), $3::uuid))
ORDER BY f.at DESC, f.id DESC LIMIT $4
