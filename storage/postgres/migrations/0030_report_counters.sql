-- Figures without counting: what reports show is counted beside the commits, from the accounts' feeds. An account's cursor and its
-- counts move in one transaction, so the counts are exact up to the cursor whatever dies, and the reader moves them to the feed's
-- head before it reads. See docs/decisions/0015-figures-beside-the-commits.md.

CREATE TABLE report_cursors (
  account_id uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
  position bigint NOT NULL DEFAULT 0
);

-- Counts of an account. `at` is the beginning of an hour or, for the measures that end in _day, of a day in UTC; '-infinity' for
-- what is so now. `bucket` tells durations apart (report_bucket), 0 for everything else.
CREATE TABLE report_counts (
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  measure text NOT NULL,
  at timestamptz NOT NULL,
  bucket integer NOT NULL,
  n bigint NOT NULL,
  PRIMARY KEY (account_id, measure, at, bucket)
);

-- What a conversation has contributed to the counts, to be taken back when it changes.
CREATE TABLE report_conversations (
  conversation_id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  created_at timestamptz NOT NULL,
  status text NOT NULL,
  reply integer,
  resolution integer
);
CREATE INDEX report_conversations_account ON report_conversations (account_id);

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['report_cursors', 'report_counts', 'report_conversations'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_account ON %I TO tertulia_app USING (account_id = (SELECT current_account()))
                    WITH CHECK (account_id = (SELECT current_account()))', t);
    EXECUTE format('CREATE POLICY system_work ON %I TO tertulia_system USING (true) WITH CHECK (true)', t);
  END LOOP;
END $$;
GRANT SELECT ON report_counts TO tertulia_app;

-- The bucket of a duration: DDSketch's logarithmic mapping with a relative accuracy of 1 % (Masson, Rim, Lee 2019). Sketches are
-- merged by adding the counts of equal buckets.
CREATE FUNCTION report_bucket(duration interval) RETURNS integer LANGUAGE sql STRICT IMMUTABLE PARALLEL SAFE
RETURN ceil(ln(greatest(extract(epoch FROM duration)::float8, 0.0001)) / ln(1.01::float8 / 0.99))::integer;

-- Count up to `most` further entries of an account. Returns how many. `waits` false: none while another is at it.
CREATE FUNCTION report_advance(account uuid, most integer, waits boolean) RETURNS integer LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  done bigint;
  upto bigint;
BEGIN
  INSERT INTO report_cursors (account_id) SELECT account WHERE EXISTS (SELECT FROM account_feeds WHERE account_id = account)
  ON CONFLICT DO NOTHING;
  IF waits THEN
    SELECT c.position INTO done FROM report_cursors c WHERE c.account_id = account FOR UPDATE;
  ELSE
    SELECT c.position INTO done FROM report_cursors c WHERE c.account_id = account FOR UPDATE SKIP LOCKED;
  END IF;
  SELECT least(f.position, done + most) INTO upto FROM account_feeds f WHERE f.account_id = account;
  IF done IS NULL OR upto <= done THEN
    RETURN 0;
  END IF;

  INSERT INTO report_counts AS r (account_id, measure, at, bucket, n)
  SELECT account, m.measure, date_trunc('hour', e.at, 'UTC'), 0, count(*)
  FROM entries e CROSS JOIN LATERAL unnest(CASE
    WHEN e.kind = 'handoff' THEN ARRAY['handoff']
    WHEN e.kind <> 'message' OR e.data -> 'is_private' = 'true'::jsonb THEN '{}'
    WHEN e.data ->> 'direction' = 'inbound' THEN ARRAY['inbound']
    WHEN e.data ->> 'sender_type' = 'bot' THEN ARRAY['outbound', 'bot']
    ELSE ARRAY['outbound'] END) AS m (measure)
  WHERE e.account_id = account AND e.position > done AND e.position <= upto
  GROUP BY m.measure, date_trunc('hour', e.at, 'UTC')
  ON CONFLICT ON CONSTRAINT report_counts_pkey DO UPDATE SET n = r.n + excluded.n;

  -- A conversation's present row may already be ahead of `upto`: its later entries find nothing left to change.
  WITH touched AS MATERIALIZED (
    SELECT DISTINCT e.conversation_id AS id FROM entries e
    WHERE e.account_id = account AND e.position > done AND e.position <= upto),
  present AS MATERIALIZED (
    SELECT c.id, c.created_at, c.status, report_bucket(c.first_reply_at - c.created_at) AS reply,
      -- what a machine began was done at once, and tells nothing of the team
      CASE WHEN c.resolved_at > c.created_at THEN report_bucket(c.resolved_at - c.created_at) END AS resolution
    FROM touched t CROSS JOIN LATERAL (SELECT * FROM conversations k WHERE k.id = t.id OFFSET 0) AS c),
  counted AS MATERIALIZED (
    SELECT r.* FROM touched t CROSS JOIN LATERAL (
      SELECT * FROM report_conversations k WHERE k.conversation_id = t.id OFFSET 0) AS r),
  kept AS (
    INSERT INTO report_conversations (conversation_id, account_id, created_at, status, reply, resolution)
    SELECT p.id, account, p.created_at, p.status, p.reply, p.resolution FROM present p
    ON CONFLICT (conversation_id) DO UPDATE
      SET status = excluded.status, reply = excluded.reply, resolution = excluded.resolution),
  changes AS (
    SELECT p.created_at, p.status, p.reply, p.resolution, 1 AS n FROM present p
    UNION ALL SELECT c.created_at, c.status, c.reply, c.resolution, -1 FROM counted c)
  INSERT INTO report_counts AS r (account_id, measure, at, bucket, n)
  SELECT account, m.measure, m.at, m.bucket, sum(c.n)
  FROM changes c CROSS JOIN LATERAL (VALUES
    ('status ' || c.status, '-infinity'::timestamptz, 0),
    ('opened', date_trunc('hour', c.created_at, 'UTC'), 0),
    ('reply', date_trunc('hour', c.created_at, 'UTC'), c.reply),
    ('reply_day', date_trunc('day', c.created_at, 'UTC'), c.reply),
    ('resolution', date_trunc('hour', c.created_at, 'UTC'), c.resolution),
    ('resolution_day', date_trunc('day', c.created_at, 'UTC'), c.resolution)) AS m (measure, at, bucket)
  WHERE m.bucket IS NOT NULL
  GROUP BY m.measure, m.at, m.bucket HAVING sum(c.n) <> 0
  ON CONFLICT ON CONSTRAINT report_counts_pkey DO UPDATE SET n = r.n + excluded.n;

  UPDATE report_cursors SET position = upto WHERE account_id = account;
  RETURN upto - done;
END $$;

REVOKE ALL ON FUNCTION report_bucket, report_advance FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report_bucket, report_advance TO tertulia_system;
