-- Ends the claims: drafts under way are made again.

UPDATE suggestion_jobs SET claimed_until = NULL;
ALTER TABLE suggestion_jobs DROP COLUMN claimed_by, DROP COLUMN wanted_at;
