-- What happened that may create a duty, and was the camera on when it had to be, and off when it had to be?
-- Events come from files and are kept with their source. Findings are computed from them, the recordings, the calendar and
-- the policy; they can be computed again at any time, so a run replaces those of its period and keeps only its digests.

CREATE TABLE event_import (
    id              hex_id PRIMARY KEY,
    agency          text NOT NULL REFERENCES agency,
    source          text NOT NULL,                    -- the system it came from, as the mapping names it
    file            text NOT NULL,
    sha256          text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    mapping         text NOT NULL,                    -- the mapping's text, to the byte
    mapping_sha256  text NOT NULL CHECK (mapping_sha256 ~ '^[0-9a-f]{64}$'),
    rows            integer NOT NULL,
    taken           integer NOT NULL,
    notes           jsonb NOT NULL DEFAULT '[]',      -- what was noticed of the file as a whole, such as a doubtful zone
    imported_at     timestamptz NOT NULL,
    imported_by     text NOT NULL,
    entry           hex_id NOT NULL                   -- the custody entry of the import
);

CREATE TABLE event_rejected (
    import  hex_id NOT NULL REFERENCES event_import,
    agency  text NOT NULL REFERENCES agency,
    row     integer NOT NULL,                         -- as a spreadsheet counts, the headings included
    reason  text NOT NULL,
    cells   jsonb NOT NULL,
    PRIMARY KEY (import, row)
);

-- What was stated of an event, each fact with its source, and how it changed inside: many events share one story.
CREATE TABLE event_story (
    agency  text NOT NULL REFERENCES agency,
    id      hex_id NOT NULL,                          -- the beginning of the SHA-256 of the story
    story   jsonb NOT NULL,
    PRIMARY KEY (agency, id)
);

CREATE TABLE event (
    id           hex_id PRIMARY KEY,                  -- from agency, source and what the source calls it
    agency       text NOT NULL REFERENCES agency,
    source       text NOT NULL,
    external_id  text NOT NULL,
    kind         text NOT NULL,                       -- call, stop, operation, warrant, arrest, force, shift …
    begins_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL CHECK (ends_at >= begins_at),
    story        hex_id NOT NULL,
    flags        text[] NOT NULL DEFAULT '{}',
    import       hex_id NOT NULL REFERENCES event_import,
    UNIQUE (agency, source, external_id),
    FOREIGN KEY (agency, story) REFERENCES event_story
);
CREATE INDEX event_when ON event (agency, begins_at);

-- Who took part. `officer` is null for somebody whom the roster does not know.
CREATE TABLE event_officer (
    event    hex_id NOT NULL REFERENCES event,
    agency   text NOT NULL REFERENCES agency,
    badge    text NOT NULL,
    officer  hex_id REFERENCES officer,
    PRIMARY KEY (event, badge)
);
CREATE INDEX event_officer_of ON event_officer (officer);

CREATE TABLE activation_run (
    id               hex_id PRIMARY KEY,
    agency           text NOT NULL REFERENCES agency,
    since            timestamptz NOT NULL,
    until            timestamptz NOT NULL,
    officer          hex_id REFERENCES officer,       -- null: everybody; else one officer, because footage came in
    inputs           jsonb NOT NULL,                  -- name of each input -> its SHA-256
    directives       jsonb NOT NULL,                  -- [[policy, version, SHA-256], …] of every day of the period
    code             text NOT NULL,
    findings_sha256  text NOT NULL CHECK (findings_sha256 ~ '^[0-9a-f]{64}$'),
    counts           jsonb NOT NULL,                  -- outcome -> how many
    notes            jsonb NOT NULL DEFAULT '[]',
    ran_at           timestamptz NOT NULL,
    ran_by           text NOT NULL,
    entry            hex_id                           -- the custody entry, of a run about everybody
);
CREATE INDEX activation_run_latest ON activation_run (agency, ran_at DESC);

-- Why something is owed or forbidden: many findings share one reason.
CREATE TABLE finding_why (
    agency     text NOT NULL REFERENCES agency,
    id         hex_id NOT NULL,
    clauses    text[] NOT NULL,                       -- policy:clause
    presumed   text[] NOT NULL,                       -- the presumptions it rests on
    missing    text[] NOT NULL,                       -- the facts that would decide it
    lacking    text[] NOT NULL,                       -- of in_plan, equipped, trained: those that are not so
    says       text NOT NULL DEFAULT '',              -- what else is to be said, in words
    PRIMARY KEY (agency, id)
);

CREATE TABLE finding (
    duty        hex_id PRIMARY KEY,                   -- the same in every run: from event, badge, kind and place
    agency      text NOT NULL REFERENCES agency,
    run         hex_id NOT NULL REFERENCES activation_run,
    event       hex_id NOT NULL REFERENCES event,
    officer     hex_id REFERENCES officer,
    badge       text NOT NULL,
    office      hex_id REFERENCES office,
    activity    text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('duty', 'forbidden', 'past the stop')),
    outcome     text NOT NULL CHECK (outcome IN ('recorded', 'late', 'stopped early', 'interrupted', 'missing', 'excused',
        'not in plan', 'no camera', 'untrained', 'undetermined', 'recorded though forbidden', 'recorded past the stop')),
    measured    text NOT NULL,                        -- the outcome before an exception excused it
    excuse      hex_id,                               -- the exception that was granted
    begins_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    within_us   bigint NOT NULL,                      -- how long the officer had to start
    covered_us  bigint NOT NULL CHECK (covered_us >= 0),
    late_us     bigint NOT NULL,
    early_us    bigint NOT NULL,
    gap_us      bigint NOT NULL,
    gaps        integer NOT NULL,
    why         hex_id NOT NULL,
    CHECK ((outcome = 'excused') = (excuse IS NOT NULL)),
    FOREIGN KEY (agency, why) REFERENCES finding_why
);
CREATE INDEX finding_when ON finding (agency, begins_at);
CREATE INDEX finding_officer ON finding (officer, begins_at);
CREATE INDEX finding_event ON finding (event);
CREATE INDEX finding_outcome ON finding (agency, outcome, begins_at) WHERE outcome <> 'recorded';

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['event_import', 'event_rejected', 'event_story', 'event', 'event_officer', 'activation_run',
                             'finding_why', 'finding'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own ON %I TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency))', t);
        EXECUTE format('GRANT SELECT ON %I TO lapel_staff, lapel_worker', t);
    END LOOP;
END $$;
GRANT INSERT ON event_import, event_rejected, event_story, event, event_officer TO lapel_staff;
GRANT UPDATE (officer) ON event_officer TO lapel_staff;
GRANT INSERT ON activation_run, finding_why TO lapel_staff, lapel_worker;
GRANT INSERT, DELETE ON finding TO lapel_staff, lapel_worker;
GRANT UPDATE (outcome, excuse) ON finding TO lapel_staff;

-- A worker learns whose a recording is from the recording, never from a job (0010 lets the owner read them).
CREATE FUNCTION agency_of_recording(which hex_id) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
    AS $$ SELECT agency FROM recording WHERE id = which $$;
REVOKE ALL ON FUNCTION agency_of_recording FROM PUBLIC;
GRANT EXECUTE ON FUNCTION agency_of_recording TO lapel_worker;
