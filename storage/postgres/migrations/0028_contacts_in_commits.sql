-- Contacts are stored by the commit that opens their first conversation, so that a new customer costs one flush of the log.
-- COMMIT in conversations/journal.py calls this ahead of commit_batch, in the same statement.
CREATE FUNCTION make_contacts(ids uuid[], identifier_ids uuid[], accounts uuid[], types text[], identifiers text[], names text[])
RETURNS boolean LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_hashjoin = off SET enable_seqscan = off AS $$
DECLARE
  made integer;
BEGIN
  -- in the order of addresses, so that two hosts never wait for each other
  WITH identified AS (
    INSERT INTO contact_identifiers (id, account_id, contact_id, channel_type, identifier, display_name)
    SELECT w.identifier_id, w.account, w.id, w.type, w.identifier, w.name
    FROM unnest(ids, identifier_ids, accounts, types, identifiers, names) AS w (id, identifier_id, account, type, identifier, name)
    ORDER BY w.account, w.type, w.identifier
    ON CONFLICT ON CONSTRAINT contact_identifiers_unique DO NOTHING
    RETURNING account_id, contact_id, display_name)
  INSERT INTO contacts (id, account_id, name) SELECT contact_id, account_id, display_name FROM identified;
  GET DIAGNOSTICS made = ROW_COUNT;
  IF made < cardinality(ids) AND EXISTS (
    SELECT FROM unnest(ids, accounts, types, identifiers) AS w (id, account, type, identifier)
    JOIN contact_identifiers i ON i.account_id = w.account AND i.channel_type = w.type AND i.identifier = w.identifier
    WHERE i.contact_id <> w.id) THEN
    RAISE unique_violation USING CONSTRAINT = 'contact_identifiers_unique', MESSAGE = 'another contact has the address';
  END IF;
  RETURN true;
END $$;

REVOKE ALL ON FUNCTION make_contacts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_contacts TO tertulia_system;
