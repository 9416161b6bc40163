-- The inbox: lists of conversations, filtered and sorted, and what reports read.
--
-- Row-level security lets only LEAKPROOF operators near an index, and neither @@ nor ILIKE nor @> is one; and a planner
-- that meets the account as a subquery's result cannot tell a large account from a small one. So pages are found by
-- inbox_page, which runs as the schema's owner, takes the account from current_account() and nothing else, and returns
-- ids. The caller reads the rows themselves, under row-level security: a second lock on the same door.

CREATE EXTENSION IF NOT EXISTS btree_gin;

-- Searches stay within the account: a word that is common elsewhere costs nothing here.
DROP INDEX entries_text;
CREATE INDEX entries_text ON entries USING gin (account_id, to_tsvector('simple', data ->> 'content'))
  WHERE kind = 'message';
DROP INDEX conversations_search;
CREATE INDEX conversations_search ON conversations USING gin
  (account_id, (coalesce(contact_name, '') || ' ' || contact_identifier || ' ' || coalesce(subject, '')) gin_trgm_ops);
DROP INDEX conversations_labels;
CREATE INDEX conversations_labels ON conversations USING gin (account_id, labels jsonb_path_ops);
DROP INDEX contacts_name;
CREATE INDEX contacts_name ON contacts USING gin (account_id, name gin_trgm_ops);

-- Like those of 0001, these name only columns that a plain message leaves alone.
CREATE INDEX conversations_channel_type ON conversations (account_id, channel_type, id);
CREATE INDEX conversations_archived ON conversations (account_id, id) WHERE archived_at IS NOT NULL;

-- What reports count beside messages; a message's commit does not touch it. And, for the messages themselves, when:
-- entries come in the order of time, so a few bytes for every hundred pages will do.
CREATE INDEX entries_kinds ON entries (account_id, kind, at) WHERE kind <> 'message';
CREATE INDEX entries_at ON entries USING brin (at) WITH (pages_per_range = 32, autosummarize = on);

-- What a list asks for; null asks for nothing. `labels` is a JSON array of which every label must be there; `pattern` is
-- for ILIKE, `q` for words in messages.
CREATE TYPE inbox_filter AS (
  statuses text[], assignee_id text, unassigned boolean, team_id uuid, channel_id uuid, channel_type text,
  contact_id uuid, labels jsonb, priority text, archived boolean, pattern text, q text
);

-- The clauses of a filter: fixed text from this table, the values always as parameters ($1 account, $2 the filter).
CREATE FUNCTION inbox_clauses(f inbox_filter) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT string_agg(clause, ' AND ') FROM (VALUES
    (f.statuses IS NOT NULL,     'c.status = ANY (($2).statuses)'),
    (f.assignee_id IS NOT NULL,  'c.assignee_id = ($2).assignee_id'),
    (f.unassigned,               'c.assignee_id IS NULL'),
    (f.team_id IS NOT NULL,      'c.team_id = ($2).team_id'),
    (f.channel_id IS NOT NULL,   'c.channel_id = ($2).channel_id'),
    (f.channel_type IS NOT NULL, 'c.channel_type = ($2).channel_type'),
    (f.contact_id IS NOT NULL,   'c.contact_id = ($2).contact_id'),
    (f.labels IS NOT NULL,       'c.labels @> ($2).labels'),
    (f.priority IS NOT NULL,     'array_position(ARRAY[''low'', ''normal'', ''high'', ''urgent''], c.priority)'
                                 ' = array_position(ARRAY[''low'', ''normal'', ''high'', ''urgent''], ($2).priority)'),
    (f.archived,                 'c.archived_at IS NOT NULL'),
    (NOT f.archived,             'c.archived_at IS NULL')
  ) AS t (asked, clause) WHERE asked
$$;

-- The statement of a page. Parameters: $1 account, $2 filter, $3 words, $4 ids, $5 and $6 sort key and id of the last row
-- seen, $7 how many. Sort keys are bigint: microseconds since the epoch, or the rank of a priority. Ties go by id.
CREATE FUNCTION inbox_statement(clauses text, sort text, descending boolean, goes_on boolean) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT 'SELECT ' || s.id || ', ' || s.shown || ' FROM ' || s.source || ' WHERE c.account_id = $1 AND ' || clauses
    || CASE WHEN NOT goes_on THEN ''
       ELSE ' AND (' || s.key || ', ' || s.id || CASE WHEN descending THEN ') < (' ELSE ') > (' END || s.seen || ', $6)' END
    || ' ORDER BY ' || s.key || d.word || ', ' || s.id || d.word || ' LIMIT $7'
  FROM (VALUES
    ('last_message_at', 'r.last_message_at', 'r.conversation_id',
     '(extract(epoch FROM r.last_message_at) * 1000000)::bigint', 'to_timestamp($5 / 1000000.0)',
     'conversation_recency r JOIN conversations c ON c.id = r.conversation_id AND r.account_id = $1'),
    ('created_at', 'c.created_at', 'c.id',
     '(extract(epoch FROM c.created_at) * 1000000)::bigint', 'to_timestamp($5 / 1000000.0)', 'conversations c'),
    ('waiting_since', 'c.waiting_since', 'c.id',
     '(extract(epoch FROM c.waiting_since) * 1000000)::bigint', 'to_timestamp($5 / 1000000.0)', 'conversations c'),
    ('priority', 'array_position(ARRAY[''low'', ''normal'', ''high'', ''urgent''], c.priority)', 'c.id',
     'array_position(ARRAY[''low'', ''normal'', ''high'', ''urgent''], c.priority)::bigint', '$5::integer',
     'conversations c')
  ) AS s (name, key, id, shown, seen, source), (SELECT CASE WHEN descending THEN ' DESC' ELSE ' ASC' END) AS d (word)
  WHERE s.name = sort
$$;

-- A client's words as a query: all of them, the last one as far as it was typed. Null where nothing is left of them.
CREATE FUNCTION inbox_words(q text) RETURNS tsquery LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN numnode(w) > 0 THEN (w::text || ':*')::tsquery END FROM plainto_tsquery('simple', q) AS w
$$;

-- Every conversation of an account that a search finds, or null when there are more than `most` finds.
CREATE FUNCTION inbox_search(account uuid, pattern text, words tsquery, most integer) RETURNS uuid[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
  found uuid[];
  finds bigint;
BEGIN
  -- EXECUTE, because it plans for these very values
  EXECUTE $q$
    SELECT array_agg(DISTINCT id), count(*) FROM (
      (SELECT c.id FROM conversations c WHERE c.account_id = $1 AND
         (coalesce(c.contact_name, '') || ' ' || c.contact_identifier || ' ' || coalesce(c.subject, '')) ILIKE $2
       LIMIT $4 + 1)
      UNION ALL
      (SELECT c.id FROM contacts k JOIN conversations c ON c.account_id = $1 AND c.contact_id = k.id
       WHERE k.account_id = $1 AND k.name ILIKE $2 LIMIT $4 + 1)
      UNION ALL
      (SELECT e.conversation_id FROM entries e WHERE e.account_id = $1 AND e.kind = 'message'
         AND to_tsvector('simple', e.data ->> 'content') @@ $3 LIMIT $4 + 1)
    ) AS f (id)
  $q$ INTO found, finds USING account, pattern, words, most;
  RETURN CASE WHEN finds <= most THEN coalesce(found, '{}') END;
END $$;

-- A page by walking the account's conversations in their order until enough are found: for filters that many pass.
-- The settings leave the planner only the index with that order, whatever it believes about the filter.
CREATE FUNCTION inbox_walk(
  statement text, account uuid, f inbox_filter, words tsquery, after_key bigint, after_id uuid, most integer
) RETURNS TABLE (id uuid, key bigint) LANGUAGE plpgsql STABLE ROWS 20
SET enable_sort = off SET enable_bitmapscan = off AS $$
BEGIN
  RETURN QUERY EXECUTE statement USING account, f, words, NULL::uuid[], after_key, after_id, most;
END $$;

-- A page of ids with their sort keys, in order, of the account that the connection is bound to.
--
-- What a filter lets pass may be a handful or nearly everything, and estimates err most where columns depend on each
-- other (closed ones are old), so this looks: up to FEW conversations are taken together and sorted; more than that
-- lie close enough to each other in the order wanted to be met by walking it. Either way the page is exact.
CREATE FUNCTION inbox_page(
  f inbox_filter, sort text, descending boolean, after_key bigint, after_id uuid, most integer
) RETURNS TABLE (id uuid, key bigint) LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 20
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  FEW constant integer := 1000;
  FINDS constant integer := 5000;
  account constant uuid := current_account();
  words constant tsquery := inbox_words(f.q);
  asked constant text := inbox_clauses(f);
  clauses text := coalesce(asked, 'true');
  chosen uuid[];
BEGIN
  IF f.q IS NOT NULL THEN
    chosen := inbox_search(account, f.pattern, words, FINDS);
    IF chosen IS NULL THEN
      clauses := clauses || $c$ AND (
        (coalesce(c.contact_name, '') || ' ' || c.contact_identifier || ' ' || coalesce(c.subject, ''))
          ILIKE ($2).pattern
        OR (SELECT true FROM contacts k WHERE k.id = c.contact_id AND k.account_id = $1 AND k.name ILIKE ($2).pattern)
        OR (SELECT true FROM entries e WHERE e.conversation_id = c.id AND e.account_id = $1 AND e.kind = 'message'
              AND to_tsvector('simple', e.data ->> 'content') @@ $3 LIMIT 1))$c$;
    END IF;
  END IF;
  IF chosen IS NULL AND asked IS NOT NULL THEN
    EXECUTE 'SELECT coalesce(array_agg(id), ''{}'') FROM (SELECT c.id FROM conversations c WHERE c.account_id = $1 AND '
            || asked || ' LIMIT $3) AS passing' INTO chosen USING account, f, FEW + 1;
    IF cardinality(chosen) > FEW THEN
      chosen := NULL;
    END IF;
  END IF;
  IF chosen IS NULL THEN
    RETURN QUERY SELECT * FROM inbox_walk(
      inbox_statement(clauses, sort, descending, after_id IS NOT NULL), account, f, words, after_key, after_id, most);
  ELSE
    RETURN QUERY EXECUTE inbox_statement(clauses || ' AND c.id = ANY ($4)', sort, descending, after_id IS NOT NULL)
      USING account, f, words, chosen, after_key, after_id, most;
  END IF;
END $$;

-- Names in a function that runs as its owner mean this schema, not one that a caller puts before it.
DO $$
DECLARE f regprocedure;
BEGIN
  FOREACH f IN ARRAY ARRAY['inbox_clauses', 'inbox_statement', 'inbox_words', 'inbox_search', 'inbox_walk', 'inbox_page']::regproc[]
  LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
  END LOOP;
  f := 'inbox_page'::regproc;
  EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp', f, current_schema());
  EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO tertulia_app', f);
END $$;
