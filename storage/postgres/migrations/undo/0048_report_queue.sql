-- Reports read the queue from the conversations again.

DO $$
DECLARE
  change record;
  text_of text;
BEGIN
  FOR change IN SELECT * FROM (VALUES
    ('report_contributions', $q$UNION ALL SELECT '', '', 'waiting', '-infinity', 0 WHERE c.waiting_since IS NOT NULL
    $q$, ''),
    ('report_advance', $q$ END,
      CASE WHEN c.status = 'open' AND c.snoozed_until IS NULL THEN c.waiting_since END)::report_conversations AS after$q$,
      $q$ END)::report_conversations AS after$q$),
    ('report_advance', $q$, waiting_since = excluded.waiting_since),$q$, '),'),
    ('report_advance', $q$,
      CASE WHEN (v.state).waiting_since IS NOT NULL THEN '-infinity'::timestamptz END)::report_conversations AS state$q$,
      $q$)::report_conversations AS state$q$)
    ) AS c (name, old, new) LOOP
    text_of := pg_get_functiondef(change.name::regproc);
    IF position(change.old IN text_of) = 0 THEN
      RAISE EXCEPTION '% has another text than this migration expects', change.name;
    END IF;
    EXECUTE replace(text_of, change.old, change.new);
  END LOOP;
END $$;

REVOKE SELECT ON report_conversations FROM tertulia_app;
ALTER TABLE report_conversations DROP COLUMN waiting_since;
DELETE FROM report_counts WHERE measure = 'waiting';
