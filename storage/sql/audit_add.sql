-- A record of the audit log.
-- $1 uuid, $2 uuid account, $3 text actor type, $4 text actor id, $5 text action, $6 text target type, $7 text target id,
-- $8 text details as JSON
INSERT INTO audit_log (id, account_id, actor_type, actor_id, action, target_type, target_id, details)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb)
