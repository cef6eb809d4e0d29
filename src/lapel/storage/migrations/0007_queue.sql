-- What is to be done, and who is doing it? The tables are procrastinate's, in a schema of their own.
-- Its author's migrations are run from the installed package: nothing of it is copied here. A later version of it is
-- a later migration of ours, with an include that begins where the last one ends.
-- This one ends early: PostgreSQL does not let a transaction use enum values that it has added itself.

CREATE SCHEMA queue;
SET LOCAL search_path = queue, pg_temp;
-- lapel:include procrastinate after 00.00.00 through 02.06.00_01_add_cancel_states
