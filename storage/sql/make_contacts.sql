-- A contact for each identifier that has none yet. Of two makers at once the first wins; the other finds its
-- identifier missing from the answer and reads it again. (The foreign key is checked at the statement's end.)
-- $1 uuid[] contact ids, $2 uuid[] identifier ids, $3 uuid[] accounts, $4 text[] channel types, $5 text[] identifiers,
-- $6 text[] names
WITH made AS (
  INSERT INTO contact_identifiers (id, account_id, contact_id, channel_type, identifier, display_name)
  SELECT w.identifier_id, w.account_id, w.contact_id, w.channel_type, w.identifier, w.name
  FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[])
    AS w (contact_id, identifier_id, account_id, channel_type, identifier, name)
  ON CONFLICT ON CONSTRAINT contact_identifiers_unique DO NOTHING
  RETURNING account_id, contact_id, display_name
)
INSERT INTO contacts (id, account_id, name) SELECT contact_id, account_id, display_name FROM made
