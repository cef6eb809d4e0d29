-- Which agencies are there, and whose rows may a transaction see?
-- The roles lapel_owner, lapel_staff, lapel_intake, lapel_worker, lapel_sequencer and lapel_app belong to the cluster
-- and exist before this runs. The owner of the tables is not a role that any process connects as, except to migrate.

CREATE DOMAIN hex_id AS text CHECK (VALUE ~ '^[0-9a-f]{32}$');

-- A transaction sees the agencies it was opened for, and none when it was opened for none.
CREATE FUNCTION in_view(agency text) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT agency = ANY (string_to_array(current_setting('lapel.agencies', true), ',')) $$;

CREATE TABLE department (
    only_one  boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    name      text NOT NULL,
    origin    text NOT NULL,              -- the custody log's name, fixed for ever
    begun_at  timestamptz NOT NULL DEFAULT now()
);

-- The list of agencies is public; it is what everything else is kept apart by.
CREATE TABLE agency (
    id    text PRIMARY KEY CHECK (id ~ '^[a-z][a-z0-9_]{1,15}$' AND id <> 'department'),
    name  text NOT NULL,
    zone  text NOT NULL                    -- IANA, the zone its pages are written in
);

GRANT USAGE ON SCHEMA lapel TO lapel_app, lapel_sequencer;
GRANT SELECT ON department, agency TO lapel_app, lapel_sequencer;
