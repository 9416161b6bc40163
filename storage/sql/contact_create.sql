-- A new contact.
-- $1 uuid, $2 uuid account, $3 text name, $4 text attributes as JSON
INSERT INTO contacts (id, account_id, name, attributes) VALUES ($1, $2, $3, $4::text::jsonb)
