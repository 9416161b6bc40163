-- A delivery by its message.
-- $1 uuid
SELECT {{columns}} FROM outbox o WHERE o.message_id = $1
