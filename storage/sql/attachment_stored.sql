-- The bytes are stored. $1 uuid, $2 text digest
UPDATE attachments SET status = 'stored', source = NULL, next_attempt_at = NULL, error = NULL
WHERE id = $1 AND digest = $2 AND status IN ('pending', 'stored')
RETURNING {{columns}}
