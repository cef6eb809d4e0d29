-- What came of a redaction? A redacted copy: renders, manifest and signature as derived objects under the recording's key,
-- entered in the custody log with their digests; and the key that signed, which the log knows before it signs anything.

ALTER TABLE derived DROP CONSTRAINT derived_kind_check;
ALTER TABLE derived ADD CONSTRAINT derived_kind_check
    CHECK (kind IN ('thumbnail', 'trail', 'media_seed', 'transcript', 'redacted'));

-- The public half of an agency's manifest key; the entry is where the log says so.
CREATE TABLE manifest_key (
    id       hex_id PRIMARY KEY,
    agency   text NOT NULL REFERENCES agency,
    key      text NOT NULL CHECK (key ~ '^[0-9a-f]{64}$'),
    entry    hex_id NOT NULL,
    made_at  timestamptz NOT NULL,
    UNIQUE (agency, key)
);

CREATE TABLE redacted_copy (
    id               hex_id PRIMARY KEY,
    agency           text NOT NULL REFERENCES agency,
    recording        hex_id NOT NULL REFERENCES recording,
    redaction        hex_id REFERENCES redaction,      -- whose desk it came from; null from the command line
    reviewed         boolean NOT NULL,                 -- false: a detector alone decided
    manifest_sha256  text NOT NULL CHECK (manifest_sha256 ~ '^[0-9a-f]{64}$'),
    key              hex_id NOT NULL REFERENCES manifest_key,
    clips            integer NOT NULL CHECK (clips > 0),
    clips_shown      integer NOT NULL CHECK (clips_shown > 0 AND clips_shown <= clips),
    size_bytes       bigint NOT NULL,
    report           jsonb NOT NULL,                   -- what the manifest reports
    entry            hex_id NOT NULL,
    made_by          text NOT NULL,
    made_at          timestamptz NOT NULL,
    published_at     timestamptz,
    CHECK (published_at IS NULL OR reviewed)           -- what no person accepted is never published
);
CREATE INDEX redacted_copy_of ON redacted_copy (recording, made_at);

ALTER TABLE redaction_plan ADD COLUMN id hex_id UNIQUE;  -- by which a rebuild writes back what was accepted

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['manifest_key', 'redacted_copy'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own ON %I TO lapel_staff, lapel_worker USING (in_view(agency)) WITH CHECK (in_view(agency))', t);
        EXECUTE format('GRANT SELECT ON %I TO lapel_staff, lapel_worker', t);
        EXECUTE format('GRANT INSERT ON %I TO lapel_worker', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['manifest_key', 'redacted_copy', 'redaction_plan'] LOOP
        EXECUTE format('CREATE POLICY rebuild ON %I TO lapel_owner USING (true) WITH CHECK (true)', t);
    END LOOP;
    -- To who is not named, nothing that hangs on a restricted recording is there.
    FOREACH t IN ARRAY ARRAY['redacted_copy'] LOOP
        EXECUTE format('CREATE POLICY named_only ON %I AS RESTRICTIVE FOR SELECT TO lapel_staff USING ('
            '(SELECT acting_account()) IS NULL OR NOT EXISTS (SELECT FROM restriction x WHERE x.recording = %I.recording AND x.lifted_at IS NULL'
            ' AND NOT EXISTS (SELECT FROM restriction_named n WHERE n.recording = x.recording AND n.account = acting_account()'
            ' AND n.ended_at IS NULL)))', t, t);
    END LOOP;
END $$;
DROP POLICY owner_reads ON redaction;
CREATE POLICY rebuild ON redaction TO lapel_owner USING (true) WITH CHECK (true);

-- What the second look still sees opens a plan again.
GRANT UPDATE (accepted_by, accepted_at, plan_sha256, second_by, second_at) ON redaction TO lapel_worker;
