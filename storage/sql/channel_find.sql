-- A channel by its id alone.
-- $1 uuid
SELECT {{columns}} FROM channels WHERE id = $1
