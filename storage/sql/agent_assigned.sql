-- How often conversations became an agent's in a period.
-- $1 uuid account, $2 text user, $3 bigint from, $4 bigint to: ms since the epoch
SELECT count(*) FROM entries e
WHERE e.account_id = $1 AND e.kind = 'assigned' AND e.data ->> 'agent_id' = $2
  AND e.at >= to_timestamp($3::bigint / 1000.0) AND e.at < to_timestamp($4::bigint / 1000.0)
