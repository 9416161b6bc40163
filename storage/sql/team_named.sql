-- The team that has a name.
-- $1 uuid account, $2 text the name folded
SELECT id::text FROM teams WHERE account_id = $1 AND name_key = $2 AND deleted_at IS NULL
