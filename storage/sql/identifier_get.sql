-- An identifier.
-- $1 uuid
SELECT {{columns}} FROM contact_identifiers i WHERE i.id = $1
