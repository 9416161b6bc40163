-- The agents with one of some ids or folded names.
-- $1 uuid account, $2 text[] ids, $3 text[] names, $4 how many
SELECT user_id, name FROM (
  SELECT user_id, name FROM agents WHERE account_id = $1 AND user_id = ANY ($2)
  UNION
  SELECT user_id, name FROM agents WHERE account_id = $1 AND name_key = ANY ($3)) AS called
ORDER BY user_id LIMIT $4
