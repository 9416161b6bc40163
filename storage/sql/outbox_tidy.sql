-- Receipts and watermarks that nothing has come of in a week: they are of messages that others sent.
DELETE FROM early_receipts WHERE received_at < now() - interval '7 days'
