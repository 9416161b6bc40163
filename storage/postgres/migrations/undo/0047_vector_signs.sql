-- Passages written since have no signature: their articles must be saved again to be found by vector.

CREATE INDEX article_chunks_account ON article_chunks (account_id);
DROP INDEX article_chunks_signs;
UPDATE article_chunks SET signature = repeat('0', 256)::bit(256) WHERE signature IS NULL;
ALTER TABLE article_chunks ALTER COLUMN signature SET NOT NULL;
ALTER TABLE article_chunks DROP COLUMN signs;
DROP FUNCTION vector_signs(bytea);
