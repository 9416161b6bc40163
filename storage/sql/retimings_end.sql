-- Forget accounts that were looked through in every partition.
DELETE FROM account_retimings WHERE waiting = '{}'
