-- Take away what names a contact, and the contacts merged into it; their ids stay until the end of the erasure.
-- Payloads that were set aside and name one of its identifiers go as well (a phone stands there with or without its plus).
-- $1 uuid
WITH meant AS (SELECT id FROM contacts WHERE id = $1 OR merged_into = $1),
gone AS (DELETE FROM contact_identifiers WHERE contact_id IN (SELECT id FROM meant)
  RETURNING account_id, channel_type, identifier),
apart AS (UPDATE contact_identifiers i SET thread_identifier = NULL FROM gone g
  WHERE i.account_id = g.account_id AND i.channel_type = g.channel_type AND i.thread_identifier = g.identifier
    AND i.contact_id NOT IN (SELECT id FROM meant)),
payloads AS (DELETE FROM inbound_failures f USING gone g WHERE f.account_id = g.account_id
  AND position(convert_to(ltrim(g.identifier, '+'), 'UTF8') IN f.payload) > 0)
UPDATE contacts SET name = NULL, attributes = '{}', updated_at = now() WHERE id IN (SELECT id FROM meant)
RETURNING id::text
