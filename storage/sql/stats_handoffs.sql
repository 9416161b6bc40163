-- Handoffs asked for in a period.
-- $1 bigint from, $2 bigint to: ms since the epoch
SELECT count(*) FROM entries e
WHERE e.kind = 'handoff' AND e.at >= to_timestamp($1::bigint / 1000.0) AND e.at < to_timestamp($2::bigint / 1000.0)
