-- Labels of an account's newest conversations, the most used first.
-- $1 uuid account, $2 how many conversations, $3 how many labels
SELECT label, count(*) FROM (
  SELECT labels FROM conversations WHERE account_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2) AS newest,
  jsonb_array_elements_text(newest.labels) AS label
GROUP BY label ORDER BY count(*) DESC, label LIMIT $3
