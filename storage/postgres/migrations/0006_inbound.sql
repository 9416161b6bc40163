-- What arrives from the providers: one customer under several identifiers, and payloads that were set aside.

-- The identifier that names the customer's threads, where it is another one: a person whom a provider knows by phone and
-- by user id has one thread, whichever of them a message brings.
ALTER TABLE contact_identifiers ADD COLUMN thread_identifier text;
CREATE INDEX contact_identifiers_thread ON contact_identifiers (account_id, channel_type, thread_identifier)
  WHERE thread_identifier IS NOT NULL;

-- A sender: `names` are identifiers, that of the thread first if nobody knows them yet; `ids` and `contact` are for the
-- rows, should they have to be made.
CREATE TYPE sender_wanted AS (
  ord integer, account uuid, channel_type text, names text[], ids uuid[], contact uuid, display text, metadata jsonb
);

-- What is stored of a sender. Name by name, each by all three columns of the unique index: `identifier = ANY (names)` may
-- be left out of an index scan and tested afterwards, which the planner, as long as it thinks the table small, finds no
-- dearer; it would then read every identifier of the account.
CREATE FUNCTION sender_rows(w sender_wanted) RETURNS SETOF contact_identifiers LANGUAGE sql STABLE ROWS 1 AS $$
  SELECT i.* FROM unnest(w.names) AS n (name) CROSS JOIN LATERAL (
    SELECT * FROM contact_identifiers k
    WHERE k.account_id = w.account AND k.channel_type = w.channel_type AND k.identifier = n.name OFFSET 0) AS i
$$;

-- The thread of a sender about whom nothing is new; otherwise null.
CREATE FUNCTION sender_thread(w sender_wanted) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (
    SELECT min(coalesce(i.thread_identifier, i.identifier)) FROM sender_rows(w) AS i
    HAVING count(*) = cardinality(w.names) AND count(DISTINCT coalesce(i.thread_identifier, i.identifier)) = 1
      AND bool_and(w.display IS NULL OR i.display_name IS NOT DISTINCT FROM w.display)
      AND bool_and(i.metadata @> w.metadata));
END $$;

-- Make what is missing of a sender and return the thread. Whose names are all locked by the caller.
--
-- The oldest of the identifiers decides, thread and contact; identifiers that had threads of their own join it. Hosts make
-- contacts as well, without the lock (an agent opens a conversation): theirs goes before the one made here.
CREATE FUNCTION sender_settled(w sender_wanted) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  chosen uuid;
  thread text;
  known contact_identifiers[];
  others text[];
BEGIN
  SELECT i.contact_id, coalesce(i.thread_identifier, i.identifier) INTO chosen, thread FROM sender_rows(w) AS i
  ORDER BY i.created_at, i.id LIMIT 1;
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
  IF chosen <> w.contact THEN
    DELETE FROM contacts WHERE id = w.contact;
  END IF;
  RETURN thread;
END $$;

-- The threads of some senders (a JSON array of sender_wanted, `ord` from 1), in order. Names are locked in one order for
-- everybody, so that messages of one customer that come at once make one contact and nobody waits in a circle.
--
-- Without sequential scans: plans are kept, and one that was made for an empty table would read all of it for each sender
-- of the next minute's thousands.
CREATE FUNCTION resolve_senders(wanted jsonb) RETURNS text[] LANGUAGE plpgsql SET enable_seqscan = off AS $$
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
    FROM jsonb_populate_recordset(NULL::sender_wanted, wanted) s, unnest(s.names) n
    WHERE threads[s.ord] IS NULL ORDER BY 1) AS k;
  FOR w IN SELECT * FROM jsonb_populate_recordset(NULL::sender_wanted, wanted) s WHERE threads[s.ord] IS NULL LOOP
    threads[w.ord] := coalesce(sender_thread(w), sender_settled(w));
  END LOOP;
  RETURN threads;
END $$;

-- Payloads of verified calls that could not be taken in, wholly or in part, for somebody to look at and to replay.
-- `id` is made of the channel and the body, so that a provider's repeats are one row.
CREATE TABLE inbound_failures (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  channel_id uuid NOT NULL REFERENCES channels ON DELETE CASCADE,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  faults jsonb NOT NULL,
  headers jsonb NOT NULL,
  size integer NOT NULL,
  payload bytea NOT NULL CHECK (octet_length(payload) <= 262144),
  replayed_at timestamptz
);
CREATE INDEX inbound_failures_account ON inbound_failures (account_id, at DESC, id DESC);
CREATE INDEX inbound_failures_channel ON inbound_failures (channel_id, at DESC, id DESC);
ALTER TABLE inbound_failures ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON inbound_failures TO tertulia_app
  USING (account_id = (SELECT current_account())) WITH CHECK (account_id = (SELECT current_account()));
GRANT SELECT, INSERT, UPDATE, DELETE ON inbound_failures TO tertulia_app;
