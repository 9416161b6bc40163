-- One attachment: of the bound account, or of any for the system.
-- $1 uuid
SELECT {{columns}} FROM attachments WHERE id = $1
