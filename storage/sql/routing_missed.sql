-- Entries that are no messages, by account and position: what a supervisor may have missed.
-- $1 uuid[] accounts, $2 bigint[] after, $3 bigint[] until, $4 limit for each account
SELECT w.account::text, e.conversation_id::text, e.position
FROM unnest($1::text[]::uuid[], $2::bigint[], $3::bigint[]) AS w (account, after, until)
CROSS JOIN LATERAL (
  SELECT n.conversation_id, n.position FROM entries n
  WHERE n.account_id = w.account AND n.position > w.after AND n.position <= w.until AND n.kind <> 'message'
  ORDER BY n.position LIMIT $4) AS e
