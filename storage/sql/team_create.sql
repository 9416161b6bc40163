-- A new team.
-- $1 uuid, $2 uuid account, $3 text name, $4 text the name folded, $5 text description
INSERT INTO teams (id, account_id, name, name_key, description) VALUES ($1, $2, $3, $4, $5) RETURNING {{columns}}
