-- The queue is counted like everything else in a report: an account's conversations that wait for an agent, and since when the oldest
-- does. Reports no longer read every row that waits. See decision 0015.
-- Compatible from: 0045

-- Since when it waits, if it does. The index finds the oldest.
ALTER TABLE report_conversations ADD COLUMN waiting_since timestamptz;
CREATE INDEX report_conversations_waiting ON report_conversations (account_id, waiting_since) WHERE waiting_since IS NOT NULL;
GRANT SELECT ON report_conversations TO tertulia_app;

DO $$
DECLARE
  change record;
  text_of text;
BEGIN
  FOR change IN SELECT * FROM (VALUES
    ('report_contributions', $q$UNION ALL VALUES ('agent', c.holder,$q$,
      $q$UNION ALL SELECT '', '', 'waiting', '-infinity', 0 WHERE c.waiting_since IS NOT NULL
    UNION ALL VALUES ('agent', c.holder,$q$),
    ('report_advance', $q$|| coalesce((o.counted).missed, '{}') END)::report_conversations AS after$q$,
      $q$|| coalesce((o.counted).missed, '{}') END,
      CASE WHEN c.status = 'open' AND c.snoozed_until IS NULL THEN c.waiting_since END)::report_conversations AS after$q$),
    ('report_advance', $q$missed = excluded.missed),$q$, $q$missed = excluded.missed, waiting_since = excluded.waiting_since),$q$),
    ('report_advance', $q$(v.state).rated_agent, (v.state).missed)::report_conversations AS state$q$,
      $q$(v.state).rated_agent, (v.state).missed,
      CASE WHEN (v.state).waiting_since IS NOT NULL THEN '-infinity'::timestamptz END)::report_conversations AS state$q$)
    ) AS c (name, old, new) LOOP
    text_of := pg_get_functiondef(change.name::regproc);
    IF position(change.old IN text_of) = 0 THEN
      RAISE EXCEPTION '% has another text than this migration expects', change.name;
    END IF;
    EXECUTE replace(text_of, change.old, change.new);
  END LOOP;
END $$;

-- What is counted already. A conversation that is not yet, or has changed since, is by the next step.
UPDATE report_conversations r SET waiting_since = c.waiting_since
FROM conversations c WHERE c.id = r.conversation_id AND c.status = 'open' AND c.snoozed_until IS NULL;
INSERT INTO report_counts (account_id, dimension, item, measure, at, bucket, n)
SELECT account_id, '', '', 'waiting', '-infinity', 0, count(*) FROM report_conversations WHERE waiting_since IS NOT NULL GROUP BY account_id;
