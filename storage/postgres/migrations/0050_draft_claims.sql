-- Whose claim a wanted draft is, so that it ends with its process, and since when its customer waits.
-- Compatible from: 0045

ALTER TABLE suggestion_jobs ADD COLUMN claimed_by uuid, ADD COLUMN wanted_at timestamptz NOT NULL DEFAULT now();
