-- Search beside the commits: any part of any text, in any script. See docs/decisions/0014-search-beside-the-commits.md.
--
-- Hosts gather the entries of an account, once they are committed, into chunks: up to 256 entries in the order of the feed,
-- their texts folded and joined. 64 chunks are a segment, whose signature says which of them contain a given run of
-- characters. A search reads the chunks that the signatures leave, and the entries that are in no chunk yet. No commit indexes
-- a word.

DROP INDEX entries_text;
DROP INDEX conversations_search;
DROP INDEX contacts_name;
DROP INDEX contact_identifiers_search;
DROP FUNCTION inbox_page;
DROP FUNCTION inbox_walk;
DROP FUNCTION inbox_search;
DROP FUNCTION inbox_statement;
DROP FUNCTION inbox_words;
DROP FUNCTION inbox_clauses;
DROP FUNCTION contacts_matching;
DROP FUNCTION search_words;
ALTER TYPE inbox_filter DROP ATTRIBUTE pattern;
ALTER TYPE inbox_filter DROP ATTRIBUTE q;

-- What is asked for: one of several ways to read what a client wrote. `words` are parts of a text, `numbers` the digits of
-- telephone numbers without their country's code; a text must contain all of them.
CREATE TYPE search_terms AS (words text[], numbers text[]);
ALTER TYPE inbox_filter ADD ATTRIBUTE searches search_terms[];


-- Folding: what remains of a text when case, accents, width and invisible characters do not matter. Folding a part of a text
-- gives a part of the folded text.
--
-- Marks that writers may omit go: accents, Arabic and Hebrew points, nuktas, tone marks of Thai and Lao. Others are vowels and
-- stay. Normalising sorts runs of marks by insertion, so longer ones than any language has are cut first.
CREATE FUNCTION search_fold_unicode(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  OMITTED constant text := '[\u00ad\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1-\u05c2\u05c4-\u05c5\u05c7\u0610-\u061a'
                              '\u061c\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7-\u06e8\u06ea-\u06ed\u0730-\u074a'
                              '\u093c\u0951-\u0954\u09bc\u0a3c\u0abc\u0b3c\u0cbc\u0e48-\u0e4b\u0ec8-\u0ecb\u1037\u135d-\u135f\u180e'
                              '\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20d0-\u20ff\ufe00-\ufe0f'
                              '\ufe20-\ufe2f\ufeff]';
  MARK constant text := '[\u0711\u07eb-\u07f3\u07fd\u0816-\u0819\u081b-\u0823\u0825-\u0827\u0829-\u082d\u0859-\u085b'
                           '\u0898-\u089f\u08ca-\u08e1\u08e3-\u08ff\u094d\u09cd\u09fe\u0a4d\u0acd\u0b4d\u0bcd\u0c3c\u0c4d-\u0c56'
                           '\u0ccd\u0d3b-\u0d3c\u0d4d\u0dca\u0e38-\u0e3a\u0eb8-\u0eba\u0f18-\u0f19\u0f35\u0f37\u0f39'
                           '\u0f71-\u0f84\u0f86-\u0f87\u0fc6\u1039-\u103a\u108d\u1714-\u1715\u1734\u17d2\u17dd\u18a9'
                           '\u1939-\u193b\u1a17-\u1a18\u1a60-\u1a7f\u1b34-\u1b44\u1b6b-\u1b73\u1baa-\u1bab\u1be6-\u1bf3\u1c37'
                           '\u1cd0-\u1cd2\u1cd4-\u1ce8\u1ced\u1cf4\u1cf8-\u1cf9\u2cef-\u2cf1\u2d7f\u2de0-\u2dff\u302a-\u302f'
                           '\u3099-\u309a\ua66f\ua674-\ua67d\ua69e-\ua69f\ua6f0-\ua6f1\ua806\ua82c\ua8c4\ua8e0-\ua8f1'
                           '\ua92b-\ua92d\ua953\ua9b3-\ua9c0\uaab0\uaab2-\uaab4\uaab7-\uaab8\uaabe-\uaabf\uaac1\uaaf6\uabed'
                           '\ufb1e\U000101fd\U000102e0\U00010376-\U0001037a\U00010a0d-\U00010a0f\U00010a38-\U00010a3f'
                           '\U00010ae5-\U00010ae6\U00010d24-\U00010d27\U00010eab-\U00010eac\U00010f46-\U00010f50'
                           '\U00010f82-\U00010f85\U00011046\U00011070\U0001107f\U000110b9-\U000110ba\U00011100-\U00011102'
                           '\U00011133-\U00011134\U00011173\U000111c0\U000111ca\U00011235-\U00011236\U000112e9-\U000112ea'
                           '\U0001133b-\U0001133c\U0001134d\U00011366-\U00011374\U00011442-\U00011446\U0001145e'
                           '\U000114c2-\U000114c3\U000115bf-\U000115c0\U0001163f\U000116b6-\U000116b7\U0001172b'
                           '\U00011839-\U0001183a\U0001193d-\U0001193e\U00011943\U000119e0\U00011a34\U00011a47\U00011a99'
                           '\U00011c3f\U00011d42-\U00011d45\U00011d97\U00016af0-\U00016af4\U00016b30-\U00016b36'
                           '\U00016ff0-\U00016ff1\U0001bc9e\U0001d165-\U0001d169\U0001d16d-\U0001d172\U0001d17b-\U0001d182'
                           '\U0001d185-\U0001d18b\U0001d1aa-\U0001d1ad\U0001d242-\U0001d244\U0001e000-\U0001e02a'
                           '\U0001e130-\U0001e136\U0001e2ae\U0001e2ec-\U0001e2ef\U0001e8d0-\U0001e8d6\U0001e944-\U0001e94a]';
  LETTERS constant text := 'ßæœςøłđħıŧىیکةہ’‘‐‑‒–—−';
  DIGITS constant text := '٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹߀߁߂߃߄߅߆߇߈߉०१२३४५६७८९০১২৩৪৫৬৭৮৯੦੧੨੩੪੫੬੭੮੯૦૧૨૩૪૫૬૭૮૯୦୧୨୩୪୫୬୭୮୯௦௧௨௩௪௫௬௭௮௯౦౧౨౩౪౫౬౭౮౯೦೧೨೩೪೫೬೭೮೯൦൧൨൩൪൫൬൭൮൯෦෧෨෩෪෫෬෭෮෯๐๑๒๓๔๕๖๗๘๙໐໑໒໓໔໕໖໗໘໙༠༡༢༣༤༥༦༧༨༩၀၁၂၃၄၅၆၇၈၉០១២៣៤៥៦៧៨៩᠐᠑᠒᠓᠔᠕᠖᠗᠘᠙';
BEGIN
  t := regexp_replace(t, OMITTED || '+', '', 'g');
  IF t ~ (MARK || '{17}') THEN
    t := regexp_replace(t, '(' || MARK || '{16})' || MARK || '+', '\1', 'g');
  END IF;
  t := lower(regexp_replace(normalize(t, NFKD), OMITTED || '+', '', 'g') COLLATE pg_c_utf8);
  IF t ~ ('[' || LETTERS || ']') THEN
    t := translate(replace(replace(replace(t, 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'),
                   'ςøłđħıŧىیکةہ’‘‐‑‒–—−', $to$σoldhitييكهه''------$to$);
  END IF;
  IF t ~ ('[' || DIGITS || ']') THEN
    t := translate(t, DIGITS, repeat('0123456789', length(DIGITS) / 10));
  END IF;
  RETURN t;
END $$;

CREATE FUNCTION search_fold(t text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN octet_length(t) = char_length(t) THEN lower(t COLLATE pg_c_utf8) ELSE search_fold_unicode(t) END;

-- The numbers of a folded text, each without the blanks, brackets, points, dashes and slashes that people write between
-- digits.
CREATE FUNCTION search_numbers(folded text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN regexp_replace(regexp_replace(folded, '(?<=[0-9])[-. ()/]{1,3}(?=[0-9])', '', 'g'), '[^0-9\n]+', ' ', 'g');

-- A name or an identifier as its trigram index holds it. Characters of scripts in which two of them are a word stand three
-- times, so that one alone is a trigram.
CREATE FUNCTION search_key(t text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN octet_length(t) = char_length(t) THEN lower(t COLLATE pg_c_utf8)
       ELSE regexp_replace(search_fold_unicode(t), '([\u2e80-\U0010ffff])', '\1\1\1', 'g') END;

-- The texts of a message beside its content: names of its files, and what its metadata says, but for what only machines read.
CREATE FUNCTION search_extras(data jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT concat_ws(' ', data ->> 'content',
    (SELECT string_agg(a ->> 'name', ' ') FROM jsonb_array_elements(CASE jsonb_typeof(data -> 'attachments')
       WHEN 'array' THEN data -> 'attachments' END) AS a),
    (SELECT string_agg(v #>> '{}', ' ') FROM jsonb_path_query(
       CASE jsonb_typeof(data -> 'metadata') WHEN 'object'
         THEN (data -> 'metadata') - ARRAY['html', 'raw', 'entities', 'media', 'message_id', 'in_reply_to', 'references'] END,
       'strict $.** ? (@.type() == "string")') AS v))
$$;

-- What is searched of an entry: of a message its texts; of the opening, and of changes of name or subject, a heading, which
-- begins with the control character 1 and counts only while the conversation still has it. Null for other kinds.
CREATE FUNCTION search_document(kind text, data jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN left(CASE kind
  WHEN 'message' THEN ltrim(
    CASE WHEN data ?| ARRAY['attachments', 'metadata'] THEN search_extras(data) ELSE data ->> 'content' END, chr(1))
  WHEN 'opened' THEN chr(1) || concat_ws(' ', data ->> 'contact_name', data ->> 'contact_identifier', data ->> 'subject')
  WHEN 'updated' THEN CASE WHEN data -> 'changes' ?| ARRAY['contact_name', 'contact_identifier', 'subject']
    THEN chr(1) || concat_ws(' ', data #>> '{changes,contact_name}', data #>> '{changes,contact_identifier}',
                             data #>> '{changes,subject}') END
  END, 131072);

CREATE FUNCTION search_heading(name text, identifier text, subject text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN search_fold(concat_ws(' ', name, identifier, subject));


-- Chunks, uncompressed, since reading is what takes time. Line n of `body` and of `numbers`, and element n of `conversations`
-- and `offsets`, are one entry; its position is `first_position` plus the offset. Entries without text have no line.
CREATE TABLE search_chunks (
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  chunk integer NOT NULL,
  first_position bigint NOT NULL,
  last_position bigint NOT NULL,
  conversations uuid[] STORAGE EXTERNAL NOT NULL,
  offsets smallint[] NOT NULL,
  body text STORAGE EXTERNAL NOT NULL,
  numbers text STORAGE EXTERNAL NOT NULL,
  PRIMARY KEY (account_id, chunk)
);
CREATE UNIQUE INDEX search_chunks_position ON search_chunks (account_id, last_position);

-- Segments. Bit n of the eight bytes at 8 * b of a signature tells whether chunk n of the segment contains a run of characters
-- whose bucket is b. Null until the segment is complete, and again after one of its chunks was changed; `version` counts the
-- changes. Uncompressed, so that eight bytes can be read of it.
CREATE TABLE search_segments (
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  segment integer NOT NULL,
  version integer NOT NULL DEFAULT 0,
  claimed_until timestamptz NOT NULL DEFAULT '-infinity',
  complete boolean NOT NULL DEFAULT false,
  signature bytea STORAGE EXTERNAL,
  PRIMARY KEY (account_id, segment)
);
CREATE INDEX search_segments_due ON search_segments (claimed_until) WHERE complete AND signature IS NULL;

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['search_chunks', 'search_segments'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_account ON %I TO tertulia_app USING (account_id = (SELECT current_account()))
                    WITH CHECK (account_id = (SELECT current_account()))', t);
    EXECUTE format('CREATE POLICY system_work ON %I TO tertulia_system USING (true) WITH CHECK (true)', t);
  END LOOP;
END $$;

-- Who changes an account's chunks, or an entry that may be in one, holds this lock to the end of the transaction.
CREATE FUNCTION search_lock(account uuid) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN hashtextextended(account::text, 11);

-- Make up to `most` chunks of an account. Returns how many; none while another is at it, or when fewer entries are left than
-- make one.
CREATE FUNCTION search_advance(account uuid, most integer) RETURNS integer LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  ENTRIES constant integer := 256;
  BYTES constant integer := 65536;
  done bigint;
  number integer;
  head bigint;
  made integer := 0;
BEGIN
  IF NOT pg_try_advisory_xact_lock(search_lock(account)) THEN
    RETURN 0;
  END IF;
  SELECT f.position INTO head FROM account_feeds f WHERE f.account_id = account;
  SELECT c.last_position, c.chunk + 1 INTO done, number FROM search_chunks c WHERE c.account_id = account
  ORDER BY c.chunk DESC LIMIT 1;
  done := coalesce(done, 0);
  number := coalesce(number, 0);
  WHILE made < most AND head - done >= ENTRIES LOOP
    WITH found AS MATERIALIZED (
      SELECT e.position, e.conversation_id, translate(search_document(e.kind, e.data), chr(10), ' ') AS text
      FROM entries e WHERE e.account_id = account AND e.position > done AND e.position <= done + ENTRIES),
    sized AS (
      SELECT f.*, sum(octet_length(f.text)) OVER (ORDER BY f.position) - octet_length(f.text) < BYTES AS fits FROM found f
      WHERE f.text IS NOT NULL),
    taken AS (
      SELECT coalesce(array_agg(s.conversation_id ORDER BY s.position), '{}') AS conversations,
        coalesce(array_agg((s.position - done - 1)::smallint ORDER BY s.position), '{}') AS offsets,
        search_fold(coalesce(string_agg(s.text, chr(10) ORDER BY s.position), '')) AS body,
        CASE WHEN count(*) < (SELECT count(*) FROM sized) THEN max(s.position) ELSE done + ENTRIES END AS last
      FROM sized s WHERE s.fits),
    made AS (
      INSERT INTO search_chunks
      SELECT account, number, done + 1, t.last, t.conversations, t.offsets, t.body, search_numbers(t.body) FROM taken t
      RETURNING last_position)
    SELECT last_position INTO done FROM made;
    INSERT INTO search_segments AS s (account_id, segment, complete) VALUES (account, number / 64, number % 64 = 63)
    ON CONFLICT (account_id, segment) DO UPDATE SET complete = excluded.complete, version = s.version + 1
    WHERE excluded.complete;
    number := number + 1;
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;

-- Whatever changes or deletes stored entries changes the chunks they are in, in the same transaction: an edited message is
-- found by its new text only, and of an erased one nothing is left.
CREATE FUNCTION search_lines(lines text, numbers integer[], texts text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  parts text[] := string_to_array(lines, chr(10));
BEGIN
  FOR i IN 1 .. cardinality(numbers) LOOP
    parts[numbers[i]] := texts[i];
  END LOOP;
  RETURN array_to_string(parts, chr(10));
END $$;

CREATE FUNCTION search_entries_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  w record;
BEGIN
  PERFORM pg_advisory_xact_lock(l.key) FROM (SELECT DISTINCT search_lock(account_id) AS key FROM before ORDER BY 1) AS l;
  -- another statement, whose snapshot has the chunks that were being made
  FOR w IN EXECUTE $q$
    SELECT b.account_id AS account, c.chunk,
      array_agg(array_position(c.offsets, (b.position - c.first_position)::smallint)) AS lines,
      array_agg($q$ || CASE TG_OP WHEN 'DELETE' THEN quote_literal('') || '::text' ELSE
        $q$(SELECT coalesce(search_fold(translate(search_document(a.kind, a.data), chr(10), ' ')), '') FROM after a
            WHERE a.conversation_id = b.conversation_id AND a.seq = b.seq)$q$ END || $q$) AS texts
    FROM before b CROSS JOIN LATERAL (
      SELECT * FROM search_chunks k WHERE k.account_id = b.account_id AND k.last_position >= b.position
      ORDER BY k.last_position LIMIT 1) AS c
    WHERE (b.position - c.first_position)::smallint = ANY (c.offsets)
    GROUP BY 1, 2 ORDER BY 1, 2 $q$
  LOOP
    UPDATE search_chunks SET body = search_lines(body, w.lines, w.texts),
      numbers = search_lines(numbers, w.lines,
        ARRAY(SELECT search_numbers(t) FROM unnest(w.texts) WITH ORDINALITY AS u (t, n) ORDER BY n))
    WHERE account_id = w.account AND chunk = w.chunk;
    UPDATE search_segments SET signature = NULL, version = version + 1, claimed_until = '-infinity'
    WHERE account_id = w.account AND segment = w.chunk / 64;
  END LOOP;
  RETURN NULL;
END $$;
CREATE TRIGGER search_entries_updated AFTER UPDATE ON entries REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION search_entries_changed();
CREATE TRIGGER search_entries_deleted AFTER DELETE ON entries REFERENCING OLD TABLE AS before
  FOR EACH STATEMENT EXECUTE FUNCTION search_entries_changed();


-- Searching.

-- Buckets of the runs of characters that a folded text with this term in it must contain: three characters, four digits, or
-- two where a character of East Asia is among them; shorter ones if the term is shorter. At most 24. The same sums:
-- search_signatures.py.
CREATE FUNCTION search_buckets(term text) RETURNS integer[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  codes constant integer[] := ARRAY(SELECT ascii(c) FROM string_to_table(term, NULL) WITH ORDINALITY AS u (c, n) ORDER BY n);
  found integer[] := '{}';
  size integer;
  hash bigint;
BEGIN
  FOREACH size IN ARRAY ARRAY[4, 3, 2, 1] LOOP
    IF size < least(3, cardinality(codes)) AND (size < 2 OR cardinality(found) > 0) THEN
      EXIT WHEN cardinality(found) > 0;
    END IF;
    FOR i IN 1 .. cardinality(codes) - size + 1 LOOP
      CONTINUE WHEN EXISTS (
        SELECT FROM unnest(codes[i : i + size - 1]) AS c
        WHERE c <= 32 OR (size = 4 AND c NOT BETWEEN 48 AND 57) OR (size = 3 AND c >= 11904));
      hash := size;
      FOR j IN i .. i + size - 1 LOOP
        hash := (hash * 7919 + codes[j]) % 65521;
      END LOOP;
      found := found || hash::integer;
    END LOOP;
  END LOOP;
  RETURN found[1:24];
END $$;

CREATE FUNCTION search_chunks_with(signature bytea, bucket integer) RETURNS bit LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('x' || encode(substr(signature, 8 * bucket + 1, 8), 'hex'))::bit(64);

-- Everything that is looked for, in the order in which `search_condition` numbers it.
CREATE FUNCTION search_words(searches search_terms[]) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(
  SELECT search_fold(t.term) FROM unnest(searches) WITH ORDINALITY AS s (words, numbers, n)
  CROSS JOIN LATERAL unnest(s.words || s.numbers) WITH ORDINALITY AS t (term, m) ORDER BY s.n, t.m);

CREATE FUNCTION search_patterns(searches search_terms[]) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(
  SELECT '%' || regexp_replace(search_key(t.term), '([%_\\])', '\\\1', 'g') || '%'
  FROM unnest(searches) WITH ORDINALITY AS s (words, numbers, n)
  CROSS JOIN LATERAL unnest(s.words || s.numbers) WITH ORDINALITY AS t (term, m) ORDER BY s.n, t.m);

-- A condition in SQL: that one of the searches finds all its terms. `word` and `number` are conditions with %s for a term's
-- number.
CREATE FUNCTION search_condition(searches search_terms[], word text, number text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  s search_terms;
  term integer := 0;
  needed text[];
  ways text[] := '{}';
BEGIN
  FOREACH s IN ARRAY searches LOOP
    needed := '{true}';
    FOR i IN 1 .. cardinality(s.words || s.numbers) LOOP
      term := term + 1;
      -- a trigram index would be read from end to end for less than three characters
      needed := needed || format(replace(CASE WHEN i <= coalesce(cardinality(s.words), 0) THEN word ELSE number END, ' LIKE ',
        CASE WHEN length(search_key((s.words || s.numbers)[i])) < 3 THEN ' || '''' LIKE ' ELSE ' LIKE ' END), term);
    END LOOP;
    ways := ways || ('(' || array_to_string(needed, ' AND ') || ')');
  END LOOP;
  RETURN '(' || coalesce(nullif(array_to_string(ways, ' OR '), ''), 'false') || ')';
END $$;

-- The bits of a segment's chunks that its signature leaves for any of the searches, in SQL.
CREATE FUNCTION search_mask(searches search_terms[]) RETURNS text LANGUAGE sql IMMUTABLE
RETURN (
  SELECT string_agg(format(
    '(SELECT coalesce(bit_and(search_chunks_with(g.signature, b)), (-1)::bit(64)) FROM unnest(%L::integer[]) AS b)',
    ARRAY(SELECT b FROM unnest(s.words || s.numbers) AS t, unnest(search_buckets(search_fold(t))) AS b)), ' | ')
  FROM unnest(searches) AS s);

-- Conversations of an account that a search finds; null when there are so many that one meets them by looking at one
-- conversation after another. `thorough`: all of them, however many.
--
-- Looked at are: the chunks; the entries that are in no chunk yet (the newest 20,000 of them, which is more than ever wait,
-- except after an upgrade); and the contacts as they are named now.
CREATE FUNCTION search_conversations(account uuid, searches search_terms[], thorough boolean) RETURNS uuid[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
  MANY constant integer := 2000;
  WAITING constant integer := 20000;
  words constant text[] := search_words(searches);
  patterns constant text[] := search_patterns(searches);
  in_line constant text := search_condition(
    searches, 'strpos(l.body, ($2)[%s]) > 0', 'strpos(l.numbers, ($2)[%s]) > 0');
  found uuid[] := '{}';
  headed uuid[] := '{}';
  look text;
  first_seen integer;
  seen integer;
  hits integer := 0;
  last_chunk integer;
  chunked bigint;
  w record;
BEGIN
  SELECT c.chunk, c.last_position INTO last_chunk, chunked FROM search_chunks c WHERE c.account_id = account
  ORDER BY c.chunk DESC LIMIT 1;
  -- EXECUTE, because it plans for these very values
  FOR w IN EXECUTE '
    SELECT s.segment, l.conversation, l.heading
    FROM (SELECT g.segment, CASE WHEN g.signature IS NOT NULL THEN ' || search_mask(searches) || ' END AS mask
          FROM search_segments g WHERE g.account_id = $1 ORDER BY g.segment DESC) AS s
    CROSS JOIN LATERAL (  -- OFFSET 0: one segment after another
      SELECT * FROM search_chunks k WHERE k.account_id = $1 AND k.chunk >= s.segment * 64 AND k.chunk < s.segment * 64 + 64
        AND (s.mask IS NULL OR get_bit(s.mask, k.chunk % 64) = 1) OFFSET 0) AS c
    CROSS JOIN LATERAL (
      SELECT DISTINCT l.conversation, left(l.body, 1) = chr(1) AS heading
      FROM unnest(c.conversations, string_to_array(c.body, chr(10)), string_to_array(c.numbers, chr(10)))
        AS l (conversation, body, numbers) WHERE ' || in_line || ') AS l
    WHERE ' || search_condition(searches, 'strpos(c.body, ($2)[%s]) > 0', 'strpos(c.numbers, ($2)[%s]) > 0')
  USING account, words LOOP
    IF w.heading THEN headed := headed || w.conversation; ELSE found := found || w.conversation; END IF;
    IF NOT thorough THEN
      hits := hits + 1;
      first_seen := coalesce(first_seen, w.segment);
      seen := first_seen - w.segment + 1;
      IF hits >= 64 AND hits::bigint * (last_chunk / 64 + 1) / seen > MANY THEN
        RETURN NULL;
      END IF;
    END IF;
  END LOOP;

  EXECUTE '
    SELECT $3 || coalesce(array_agg(l.conversation_id) FILTER (WHERE l.kind = ''message''), ''{}''),
           $6 || coalesce(array_agg(l.conversation_id) FILTER (WHERE l.kind <> ''message''), ''{}'')
    FROM (SELECT t.conversation_id, t.kind, t.body, search_numbers(t.body) AS numbers FROM (
      SELECT e.conversation_id, e.kind, search_fold(search_document(e.kind, e.data)) AS body FROM entries e
      WHERE e.account_id = $1 AND e.position > $4 ORDER BY e.position DESC LIMIT $5) AS t OFFSET 0) AS l WHERE ' || in_line
  INTO found, headed USING account, words, found, coalesce(chunked, 0), WAITING, headed;

  IF cardinality(headed) > 0 THEN
    EXECUTE 'SELECT $3 || coalesce(array_agg(l.id), ''{}'') FROM (
        SELECT c.id, search_heading(c.contact_name, c.contact_identifier, c.subject) AS body,
          search_numbers(search_heading(c.contact_name, c.contact_identifier, c.subject)) AS numbers
        FROM conversations c WHERE c.id = ANY ($4) AND c.account_id = $1 OFFSET 0) AS l WHERE ' || in_line
    INTO found USING account, words, found, headed;
  END IF;
  FOREACH look IN ARRAY ARRAY[
    'contacts k JOIN conversations c ON c.account_id = $1 AND c.contact_id = k.id WHERE k.account_id = $1 AND '
      || search_condition(searches, 'search_key(k.name) LIKE ($2)[%s]', 'false'),
    'contact_identifiers i JOIN conversations c ON c.account_id = $1 AND c.contact_id = i.contact_id
       WHERE i.account_id = $1 AND ' || search_condition(
         searches, 'search_key(i.identifier) LIKE ($2)[%s]', 'search_key(i.identifier) LIKE ($2)[%s]')]
  LOOP
    EXECUTE 'SELECT $3 || coalesce(array_agg(id), ''{}'') FROM (SELECT c.id FROM ' || look || ' LIMIT $4) AS f (id)'
    INTO found USING account, patterns, found, CASE WHEN NOT thorough THEN MANY + 1 END;
    IF cardinality(found) > MANY AND NOT thorough THEN
      RETURN NULL;
    END IF;
  END LOOP;
  RETURN found;
END $$;

-- The condition that a conversation c is found, in SQL, for looking at one after another. $1 account, $3 words, $4 patterns.
CREATE FUNCTION search_one(searches search_terms[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT '(EXISTS (SELECT FROM (SELECT h.body, search_numbers(h.body) AS numbers FROM (
        SELECT search_heading(c.contact_name, c.contact_identifier, c.subject) AS body
        UNION ALL
        SELECT search_fold(search_document(e.kind, e.data)) FROM entries e
        WHERE e.conversation_id = c.id AND e.account_id = $1 AND e.kind = ''message'') AS h OFFSET 0) AS l WHERE '
    || search_condition(searches, 'strpos(l.body, ($3)[%s]) > 0', 'strpos(l.numbers, ($3)[%s]) > 0')
    || ') OR EXISTS (SELECT FROM contacts k WHERE k.id = c.contact_id AND k.account_id = $1 AND '
    || search_condition(searches, 'search_key(k.name) LIKE ($4)[%s]', 'false')
    || ') OR EXISTS (SELECT FROM contact_identifiers i WHERE i.contact_id = c.contact_id AND i.account_id = $1 AND '
    || search_condition(
      searches, 'search_key(i.identifier) LIKE ($4)[%s]', 'search_key(i.identifier) LIKE ($4)[%s]') || '))'
$$;


-- The inbox, as 0003 has it, with this search.

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

-- The statement of a page. Parameters: $1 account, $2 filter, $3 words, $4 patterns, $5 ids, $6 and $7 sort key and id of the
-- last row seen, $8 how many, $9 how many to look at. Sort keys are bigint: microseconds since the epoch, or the rank of a
-- priority. Ties go by id. `found`, if not null, is a condition on each of those looked at.
CREATE FUNCTION inbox_statement(clauses text, found text, sort text, descending boolean, goes_on boolean) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN found IS NULL THEN page || ' LIMIT $8'
         ELSE 'SELECT w.id, w.key FROM (' || page || ' LIMIT $9) AS w (id, key) CROSS JOIN LATERAL (
                 SELECT FROM conversations c WHERE c.id = w.id AND ' || found || ' OFFSET 0) AS c LIMIT $8' END
  FROM (SELECT 'SELECT ' || s.id || ', ' || s.shown || ' FROM ' || s.source || ' WHERE c.account_id = $1 AND ' || clauses
    || CASE WHEN NOT goes_on THEN ''
       ELSE ' AND (' || s.key || ', ' || s.id || CASE WHEN descending THEN ') < (' ELSE ') > (' END || s.seen || ', $7)' END
    || ' ORDER BY ' || s.key || d.word || ', ' || s.id || d.word AS page
  FROM (VALUES
    ('last_message_at', 'r.last_message_at', 'r.conversation_id',
     '(extract(epoch FROM r.last_message_at) * 1000000)::bigint', 'to_timestamp($6 / 1000000.0)',
     'conversation_recency r JOIN conversations c ON c.id = r.conversation_id AND r.account_id = $1'),
    ('created_at', 'c.created_at', 'c.id',
     '(extract(epoch FROM c.created_at) * 1000000)::bigint', 'to_timestamp($6 / 1000000.0)', 'conversations c'),
    ('waiting_since', 'c.waiting_since', 'c.id',
     '(extract(epoch FROM c.waiting_since) * 1000000)::bigint', 'to_timestamp($6 / 1000000.0)', 'conversations c'),
    ('priority', 'array_position(ARRAY[''low'', ''normal'', ''high'', ''urgent''], c.priority)', 'c.id',
     'array_position(ARRAY[''low'', ''normal'', ''high'', ''urgent''], c.priority)::bigint', '$6::integer',
     'conversations c')
  ) AS s (name, key, id, shown, seen, source), (SELECT CASE WHEN descending THEN ' DESC' ELSE ' ASC' END) AS d (word)
  WHERE s.name = sort) AS p
$$;

-- A page by walking the account's conversations in their order until enough are found, or `look_at` were looked at. The
-- settings leave the planner only the index with that order, whatever it believes about the filter.
CREATE FUNCTION inbox_walk(
  statement text, account uuid, f inbox_filter, words text[], patterns text[], after_key bigint, after_id uuid, most integer,
  look_at integer
) RETURNS TABLE (id uuid, key bigint) LANGUAGE plpgsql STABLE ROWS 20
SET enable_sort = off SET enable_bitmapscan = off AS $$
BEGIN
  RETURN QUERY EXECUTE statement USING account, f, words, patterns, NULL::uuid[], after_key, after_id, most, look_at;
END $$;

-- A page of ids with their sort keys, in order, of the account that the connection is bound to.
--
-- What a filter lets pass may be a handful or nearly everything, and estimates err most where columns depend on each other
-- (closed ones are old), so this looks: up to FEW conversations are taken together and sorted; more than that lie close enough
-- to each other in the order wanted to be met by walking it. A search that finds too many to take together is met by walking
-- as well, unless after WALK conversations the page is still not full: then all that it finds are taken. Every page is exact.
CREATE FUNCTION inbox_page(
  f inbox_filter, sort text, descending boolean, after_key bigint, after_id uuid, most integer
) RETURNS TABLE (id uuid, key bigint) LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 20
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  FEW constant integer := 1000;
  WALK constant integer := 2000;
  account constant uuid := current_account();
  asked constant text := inbox_clauses(f);
  words constant text[] := search_words(f.searches);
  patterns constant text[] := search_patterns(f.searches);
  goes_on constant boolean := after_id IS NOT NULL;
  found text;
  chosen uuid[];
  ids uuid[];
  keys bigint[];
BEGIN
  IF f.searches IS NOT NULL THEN
    chosen := search_conversations(account, f.searches, false);
    IF chosen IS NULL THEN
      found := search_one(f.searches);
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
    SELECT array_agg(w.id), array_agg(w.key) INTO ids, keys FROM inbox_walk(
      inbox_statement(coalesce(asked, 'true'), found, sort, descending, goes_on), account, f, words, patterns, after_key,
      after_id, most, WALK) AS w;
    IF found IS NULL OR coalesce(cardinality(ids), 0) >= most THEN
      RETURN QUERY SELECT * FROM unnest(ids, keys);
      RETURN;
    END IF;
    chosen := search_conversations(account, f.searches, true);
    found := NULL;
  END IF;
  RETURN QUERY EXECUTE inbox_statement(coalesce(asked, 'true') || ' AND c.id = ANY ($5)', found, sort, descending, goes_on)
    USING account, f, words, patterns, chosen, after_key, after_id, most, FEW + 1;
END $$;

-- Contacts.

CREATE INDEX contacts_name ON contacts
  USING gin (account_id, search_key(name) gin_trgm_ops) WITH (gin_pending_list_limit = 65536);
CREATE INDEX contact_identifiers_search ON contact_identifiers
  USING gin (account_id, search_key(identifier) gin_trgm_ops) WITH (gin_pending_list_limit = 65536);

-- Ids of the contacts whose name or identifier a search finds, newest first, after a row already seen.
--
-- LIKE is not leakproof, so under row-level security it could use no index. This runs as the schema's owner, takes the account
-- from current_account() and nothing else, and returns ids; the caller reads the rows under row-level security.
CREATE FUNCTION contacts_matching(searches search_terms[], after_at timestamptz, after_id uuid, most integer)
RETURNS SETOF uuid LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 20 AS $$
DECLARE
  FEW constant integer := 1000;
  account constant uuid := current_account();
  patterns constant text[] := search_patterns(searches);
  named constant text := search_condition(searches, 'search_key(k.name) LIKE ($2)[%s]', 'false');
  called constant text := search_condition(
    searches, 'search_key(i.identifier) LIKE ($2)[%s]', 'search_key(i.identifier) LIKE ($2)[%s]');
  chosen uuid[];
BEGIN
  -- EXECUTE, because it plans for these very values. A search that finds many is not looked up but met by walking the contacts
  -- in their order: enough of them lie close together.
  EXECUTE 'SELECT array_agg(id) FROM (SELECT k.id FROM contacts k WHERE k.account_id = $1 AND ' || named
    || ' LIMIT $3) AS f (id)'
  INTO chosen USING account, patterns, FEW + 1;
  IF coalesce(cardinality(chosen), 0) <= FEW THEN
    EXECUTE 'SELECT $4 || array_agg(id) FROM (
      SELECT i.contact_id FROM contact_identifiers i WHERE i.account_id = $1 AND ' || called
      || ' LIMIT $3) AS f (id)'
    INTO chosen USING account, patterns, FEW + 1, chosen;
  END IF;
  RETURN QUERY EXECUTE '
    SELECT k.id FROM contacts k
    WHERE k.account_id = $1 AND k.merged_into IS NULL AND ($3 IS NULL OR (k.created_at, k.id) < ($3, $4)) AND '
  || CASE WHEN cardinality(chosen) > FEW
    THEN '(' || named || ' OR (SELECT true FROM contact_identifiers i WHERE i.contact_id = k.id AND ' || called || ' LIMIT 1))'
    ELSE 'k.id = ANY ($6)' END || ' ORDER BY k.created_at DESC, k.id DESC LIMIT $5'
  USING account, patterns, after_at, after_id, most, chosen;
END $$;

-- Names in functions that run as their owner mean this schema, not one that a caller puts before it; and nobody calls what is
-- inside.
DO $$
DECLARE
  f regprocedure;
BEGIN
  FOR f IN SELECT p.oid::regprocedure FROM pg_proc p
           WHERE p.pronamespace = current_schema()::regnamespace AND p.proname ~ '^(search|inbox|contacts_matching)'
             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
  END LOOP;
  FOREACH f IN ARRAY ARRAY['inbox_page', 'contacts_matching']::regproc[] LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp', f, current_schema());
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO tertulia_app', f);
  END LOOP;
  -- the indexes of the two tables that requests write contain it
  FOREACH f IN ARRAY ARRAY['search_key', 'search_fold_unicode']::regproc[] LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', f);
  END LOOP;
END $$;
