-- How do files become events, and runs findings? What 0016 began: events that a later file corrects, and two million
-- findings in a minute.

-- What an earlier file said of an event, before a later one said otherwise. The event is what the latest file says.
CREATE TABLE event_earlier (
    event          hex_id NOT NULL REFERENCES event,
    agency         text NOT NULL REFERENCES agency,
    kind           text NOT NULL,
    begins_at      timestamptz NOT NULL,
    ends_at        timestamptz NOT NULL,
    story          hex_id NOT NULL,
    flags          text[] NOT NULL,
    badges         text[] NOT NULL,
    import         hex_id NOT NULL REFERENCES event_import,   -- the file that said so
    superseded_by  hex_id NOT NULL REFERENCES event_import,   -- the file that said otherwise
    PRIMARY KEY (event, superseded_by),
    FOREIGN KEY (agency, story) REFERENCES event_story
);
ALTER TABLE event_earlier ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_earlier FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON event_earlier TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency));
GRANT SELECT ON event_earlier TO lapel_staff, lapel_worker;
GRANT INSERT ON event_earlier TO lapel_staff;
GRANT UPDATE (kind, begins_at, ends_at, story, flags, import) ON event TO lapel_staff;
GRANT DELETE ON event_officer TO lapel_staff;
CREATE INDEX event_import_file ON event_import (agency, sha256, mapping_sha256);

-- A finding names what its run has just read in the same transaction, and nothing of that is ever removed. Looking six
-- names up again and holding seven ids against a pattern, row by row, took longer than all the rest of a run (measured in
-- docs/decisions/0023). The findings about an event are found by its time.
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT conname FROM pg_constraint WHERE conrelid = 'finding'::regclass AND contype = 'f' LOOP
        EXECUTE format('ALTER TABLE finding DROP CONSTRAINT %I', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['duty', 'run', 'event', 'officer', 'office', 'excuse', 'why'] LOOP
        EXECUTE format('ALTER TABLE finding ALTER COLUMN %I TYPE text', name);
    END LOOP;
END $$;
ALTER TABLE finding ADD CHECK (length(duty) = 32);
DROP INDEX finding_event;

-- A worker learns whose an import is from the import, never from a job.
CREATE POLICY owner_reads ON event_import FOR SELECT TO lapel_owner USING (true);
CREATE FUNCTION agency_of_import(which hex_id) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
    AS $$ SELECT agency FROM event_import WHERE id = which $$;
REVOKE ALL ON FUNCTION agency_of_import FROM PUBLIC;
GRANT EXECUTE ON FUNCTION agency_of_import TO lapel_worker;

-- Who decides what becomes of a recording that was forbidden: its custodians, besides the inspectors general (0020).
CREATE FUNCTION custodians_of(of_agency text) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
    SELECT DISTINCT g.account::text FROM account_grant g JOIN account a ON a.id = g.account AND a.active
     WHERE g.agency = of_agency AND in_view(of_agency) AND g.permission = 'custodian' AND g.office IS NULL
       AND NOT g.waiting AND g.ended_at IS NULL AND (g.until IS NULL OR g.until > now())
$$;
REVOKE ALL ON FUNCTION custodians_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION custodians_of TO lapel_staff, lapel_worker;
