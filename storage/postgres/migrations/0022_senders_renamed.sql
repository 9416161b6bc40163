-- One customer under numbers that changed or are spelled in two ways, and names that come later than their customer.

-- Where messages of the thread go, where that is not the thread's own identifier: the customer's number changed.
ALTER TABLE contact_identifiers ADD COLUMN sends_to text;

-- `spellings`: other spellings of `names`, under which the customer may be known already; they are looked up, never stored.
-- `moved_to`: the one of `names` that the customer has from now on.
ALTER TYPE sender_wanted ADD ATTRIBUTE spellings text[], ADD ATTRIBUTE moved_to text;

-- The thread of a sender about whom nothing is new; otherwise null. A name is new to a contact that has none.
CREATE OR REPLACE FUNCTION sender_thread(w sender_wanted) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (
    SELECT min(coalesce(i.thread_identifier, i.identifier)) FROM sender_rows(w) AS i JOIN contacts k ON k.id = i.contact_id
    HAVING count(*) = cardinality(w.names) AND count(DISTINCT coalesce(i.thread_identifier, i.identifier)) = 1
      AND bool_and(w.display IS NULL OR (i.display_name IS NOT DISTINCT FROM w.display AND coalesce(k.name, '') <> ''))
      AND bool_and(i.metadata @> w.metadata)
      AND bool_and(w.moved_to IS NULL OR i.sends_to IS NOT DISTINCT FROM w.moved_to));
END $$;

-- As in 0006, and: who is not known by a name may be by another spelling of it; a name fills what is empty; messages go where
-- the customer moved to.
CREATE OR REPLACE FUNCTION sender_settled(w sender_wanted) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  chosen uuid;
  thread text;
  known contact_identifiers[];
  others text[];
BEGIN
  SELECT i.contact_id, coalesce(i.thread_identifier, i.identifier) INTO chosen, thread FROM sender_rows(w) AS i
  ORDER BY i.created_at, i.id LIMIT 1;
  IF NOT FOUND THEN
    SELECT i.contact_id, coalesce(i.thread_identifier, i.identifier) INTO chosen, thread
    FROM unnest(w.spellings) AS n (name) CROSS JOIN LATERAL (
      SELECT * FROM contact_identifiers k
      WHERE k.account_id = w.account AND k.channel_type = w.channel_type AND k.identifier = n.name OFFSET 0) AS i
    ORDER BY i.created_at, i.id LIMIT 1;
  END IF;
  IF NOT FOUND THEN
    chosen := w.contact;
    thread := w.names[1];
    INSERT INTO contacts (id, account_id, name) VALUES (w.contact, w.account, w.display);
  END IF;
  INSERT INTO contact_identifiers (id, account_id, contact_id, channel_type, identifier, thread_identifier, display_name,
                                   metadata)
  SELECT n.id, w.account, chosen, w.channel_type, n.name, nullif(thread, n.name), w.display, w.metadata
  FROM unnest(w.ids, w.names) AS n (id, name) ORDER BY n.name
  ON CONFLICT ON CONSTRAINT contact_identifiers_unique DO NOTHING;

  known := ARRAY(SELECT i FROM sender_rows(w) AS i ORDER BY i.contact_id = w.contact, i.created_at, i.id);
  chosen := (known[1]).contact_id;
  thread := coalesce((known[1]).thread_identifier, (known[1]).identifier);
  others := ARRAY(SELECT DISTINCT coalesce(k.thread_identifier, k.identifier) FROM unnest(known) AS k
                  WHERE coalesce(k.thread_identifier, k.identifier) <> thread);
  UPDATE contact_identifiers i SET
    contact_id = CASE WHEN i.contact_id = w.contact OR coalesce(i.thread_identifier, i.identifier) <> thread
                 THEN chosen ELSE i.contact_id END,
    thread_identifier = nullif(thread, i.identifier),
    display_name = coalesce(w.display, i.display_name), metadata = i.metadata || w.metadata, updated_at = now()
  WHERE i.id = ANY (ARRAY(SELECT k.id FROM unnest(known) AS k))
    AND (i.thread_identifier IS DISTINCT FROM nullif(thread, i.identifier) OR NOT i.metadata @> w.metadata
         OR i.display_name IS DISTINCT FROM coalesce(w.display, i.display_name)
         OR (i.contact_id = w.contact AND chosen <> w.contact));
  IF cardinality(others) > 0 THEN
    UPDATE contact_identifiers i SET thread_identifier = nullif(thread, i.identifier), contact_id = chosen
    WHERE i.account_id = w.account AND i.channel_type = w.channel_type AND i.thread_identifier = ANY (others);
  END IF;
  IF w.moved_to IS NOT NULL THEN
    UPDATE contact_identifiers i SET sends_to = w.moved_to, updated_at = now()
    WHERE i.account_id = w.account AND i.channel_type = w.channel_type
      AND (i.identifier = thread OR i.thread_identifier = thread) AND i.sends_to IS DISTINCT FROM w.moved_to;
  END IF;
  IF w.display IS NOT NULL THEN
    UPDATE contacts k SET name = w.display, updated_at = now() WHERE k.id = chosen AND coalesce(k.name, '') = '';
  END IF;
  IF chosen <> w.contact THEN
    DELETE FROM contacts WHERE id = w.contact;
  END IF;
  RETURN thread;
END $$;

-- As in 0006; other spellings of the names are locked as well, as two messages that spell a new customer differently may come
-- at once.
CREATE OR REPLACE FUNCTION resolve_senders(wanted jsonb) RETURNS text[] LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  threads text[];
  w sender_wanted;
BEGIN
  threads := ARRAY(SELECT sender_thread(s) FROM jsonb_populate_recordset(NULL::sender_wanted, wanted) s ORDER BY s.ord);
  IF array_position(threads, NULL) IS NULL THEN
    RETURN threads;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended(k.key, 7)) FROM (
    SELECT DISTINCT concat_ws(chr(31), s.account, s.channel_type, n) AS key
    FROM jsonb_populate_recordset(NULL::sender_wanted, wanted) s, unnest(s.names || coalesce(s.spellings, '{}')) n
    WHERE threads[s.ord] IS NULL ORDER BY 1) AS k;
  FOR w IN SELECT * FROM jsonb_populate_recordset(NULL::sender_wanted, wanted) s WHERE threads[s.ord] IS NULL LOOP
    threads[w.ord] := coalesce(sender_thread(w), sender_settled(w));
  END LOOP;
  RETURN threads;
END $$;
