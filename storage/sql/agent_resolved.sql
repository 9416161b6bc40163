-- An agent's conversations that were resolved in a period and not opened again.
-- $1 uuid account, $2 text user, $3 bigint from, $4 bigint to: ms since the epoch
SELECT count(*) FROM conversations c
WHERE c.account_id = $1 AND c.assignee_id = $2
  AND c.resolved_at >= to_timestamp($3::bigint / 1000.0) AND c.resolved_at < to_timestamp($4::bigint / 1000.0)
