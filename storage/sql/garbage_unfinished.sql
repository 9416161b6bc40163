-- Uploads that nobody finished: their process ended. $1 double precision seconds
DELETE FROM attachments
WHERE status = 'pending' AND source IS NULL AND created_at < now() - make_interval(secs => $1)
