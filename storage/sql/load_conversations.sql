-- Conversations by id, for activation.
-- $1 uuid[]: ids
SELECT {{columns}} FROM conversations c WHERE c.id = ANY ($1::uuid[])
