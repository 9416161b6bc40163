-- Some attachments of the bound account.
-- $1 uuid[]
SELECT {{columns}} FROM attachments WHERE id = ANY ($1::uuid[])
