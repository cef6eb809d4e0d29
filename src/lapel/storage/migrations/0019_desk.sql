-- What is to be hidden in a clip, who decided it, and who had it before their eyes? One redaction per clip at a time; each
-- edit of its plan is a revision that stays. Plans hold what is said and seen, so they are sealed under the recording's key.

CREATE TABLE redaction (
    id              hex_id PRIMARY KEY,
    agency          text NOT NULL REFERENCES agency,
    recording       hex_id NOT NULL REFERENCES recording,
    original        hex_id NOT NULL REFERENCES original,
    state           text NOT NULL CHECK (state IN ('proposing', 'open', 'accepted', 'second_read', 'rendering', 'rendered', 'stopped')),
    says            text NOT NULL DEFAULT '',          -- how far it is, or why it stopped
    progress_milli  integer NOT NULL DEFAULT 0 CHECK (progress_milli BETWEEN 0 AND 1000),
    revision        integer NOT NULL DEFAULT 0,        -- of the plan; 0: there is none yet
    left_tracks     integer NOT NULL DEFAULT 0,        -- what the work list shows without opening the plan
    left_suspects   integer NOT NULL DEFAULT 0,
    watched_milli   integer NOT NULL DEFAULT 0 CHECK (watched_milli BETWEEN 0 AND 1000),
    asked_by        text NOT NULL,
    asked_at        timestamptz NOT NULL,
    due_on          date,
    accepted_by     text,
    accepted_at     timestamptz,
    plan_sha256     text CHECK (plan_sha256 ~ '^[0-9a-f]{64}$'),   -- of the accepted plan
    second_by       text,
    second_at       timestamptz,
    object          hex_id UNIQUE,                     -- the render, with its manifest, once it is made
    size_bytes      bigint,
    object_key      bytea,
    rendered_at     timestamptz,
    CHECK (second_by IS NULL OR second_by <> accepted_by)          -- two people, design §4.8
);
CREATE UNIQUE INDEX redaction_running ON redaction (original) WHERE state NOT IN ('rendered', 'stopped');
CREATE INDEX redaction_waiting ON redaction (agency, asked_at) WHERE state NOT IN ('rendered');
CREATE INDEX redaction_recording ON redaction (recording);

CREATE TABLE redaction_plan (
    redaction  hex_id NOT NULL REFERENCES redaction,
    revision   integer NOT NULL CHECK (revision > 0),
    agency     text NOT NULL REFERENCES agency,
    plan       bytea NOT NULL,                         -- zlib, sealed by the key agent
    says       text NOT NULL,                          -- what this revision did, in words
    undoes     integer,                                -- the revision it takes back
    made_by    text NOT NULL,
    made_at    timestamptz NOT NULL,
    PRIMARY KEY (redaction, revision)
);

CREATE TABLE redaction_watched (
    redaction  hex_id NOT NULL REFERENCES redaction,
    agency     text NOT NULL REFERENCES agency,
    account    text NOT NULL,
    begins_us  bigint NOT NULL CHECK (begins_us >= 0),
    ends_us    bigint NOT NULL CHECK (ends_us > begins_us),
    at         timestamptz NOT NULL
);
CREATE INDEX redaction_watched_of ON redaction_watched (redaction, begins_us);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['redaction', 'redaction_plan', 'redaction_watched'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own ON %I TO lapel_staff, lapel_worker USING (in_view(agency)) WITH CHECK (in_view(agency))', t);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO lapel_staff, lapel_worker', t);
    END LOOP;
END $$;
GRANT UPDATE (state, says, progress_milli, revision, left_tracks, left_suspects, watched_milli, due_on, accepted_by, accepted_at, plan_sha256, second_by, second_at) ON redaction TO lapel_staff;
GRANT UPDATE (state, says, progress_milli, revision, left_tracks, left_suspects, object, size_bytes, object_key, rendered_at) ON redaction TO lapel_worker;
GRANT DELETE ON redaction_watched TO lapel_staff;      -- spans that overlap become one

-- A worker learns whose a redaction is from the redaction, never from a job.
CREATE POLICY owner_reads ON redaction FOR SELECT TO lapel_owner USING (true);
CREATE FUNCTION agency_of_redaction(which hex_id) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$ SELECT agency FROM redaction WHERE id = which $$;
REVOKE ALL ON FUNCTION agency_of_redaction FROM PUBLIC;
GRANT EXECUTE ON FUNCTION agency_of_redaction TO lapel_worker;
