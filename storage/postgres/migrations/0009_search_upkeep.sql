-- Search indexes that no commit has to wait for.
--
-- A GIN index gathers new rows in a pending list; whoever fills it up moves it into the index's tree, and that was a commit
-- of a host, which then stood still for 80 to 150 ms about once a second under load. Now the lists may grow further than
-- they ever do, and hosts tidy them a few times a second, beside the commits.

DROP INDEX entries_text;
CREATE INDEX entries_text ON entries USING gin (account_id, to_tsvector('simple', data ->> 'content'))
  WITH (gin_pending_list_limit = 65536) WHERE kind = 'message';
ALTER INDEX conversations_search SET (gin_pending_list_limit = 65536);
ALTER INDEX conversations_labels SET (gin_pending_list_limit = 65536);
ALTER INDEX contacts_name SET (gin_pending_list_limit = 65536);

-- Move the pending lists of all GIN indexes into their trees; nothing where another is at it.
CREATE FUNCTION tidy_search_indexes() RETURNS void LANGUAGE plpgsql AS $$
DECLARE i regclass;
BEGIN
  IF pg_try_advisory_xact_lock(hashtext('tidy_search_indexes')) THEN
    FOR i IN SELECT c.oid FROM pg_class c JOIN pg_am a ON a.oid = c.relam
             WHERE a.amname = 'gin' AND c.relkind = 'i' AND c.relnamespace = current_schema()::regnamespace LOOP
      PERFORM gin_clean_pending_list(i);
    END LOOP;
  END IF;
END $$;
REVOKE EXECUTE ON FUNCTION tidy_search_indexes() FROM PUBLIC;
