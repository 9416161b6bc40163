-- Loses the runs under way: their messages get no answer until their users write again.

DROP TABLE assistant_runs;
