-- Who holds an identifier.
-- $1 uuid account, $2 text channel type, $3 text identifier
SELECT {{columns}} FROM contact_identifiers i WHERE i.account_id = $1 AND i.channel_type = $2 AND i.identifier = $3
