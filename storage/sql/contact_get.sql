-- A contact with its identifiers.
-- $1 uuid
SELECT {{columns}} FROM contacts k WHERE k.id = $1
