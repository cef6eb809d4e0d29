-- Who may deliver, and what did they say that is no recording? The delivering systems, and the containers of their protocol.
-- A recording's own container is the recording: its name is recording.external_id, its metadata recording.facts.

CREATE TABLE site (
    id          hex_id PRIMARY KEY,
    agency      text NOT NULL REFERENCES agency,
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    username    text NOT NULL UNIQUE,
    key_sha256  bytea NOT NULL CHECK (length(key_sha256) = 32),    -- the key itself, 256 random bits, is with the system only
    made_at     timestamptz NOT NULL,
    made_by     text NOT NULL,
    closed_at   timestamptz,
    UNIQUE (agency, name)
);

CREATE TABLE site_token (
    token_sha256  bytea PRIMARY KEY CHECK (length(token_sha256) = 32),
    site          hex_id NOT NULL REFERENCES site,
    agency        text NOT NULL REFERENCES agency,
    ends_at       timestamptz NOT NULL
);
CREATE INDEX site_token_ends ON site_token (agency, ends_at);

-- Containers that are no recording's own: people, cameras, systems, and what a camera system could not deliver in place.
CREATE TABLE intake_container (
    id         hex_id PRIMARY KEY,
    agency     text NOT NULL REFERENCES agency,
    name       text NOT NULL,
    recording  hex_id REFERENCES recording,               -- whose files it holds, if it holds files
    metadata   jsonb NOT NULL DEFAULT '{}',
    made_at    timestamptz NOT NULL,
    UNIQUE (agency, name)
);

-- What a camera system said of a person, a camera or itself, last.
CREATE TABLE intake_object (
    id          hex_id PRIMARY KEY,
    agency      text NOT NULL REFERENCES agency,
    container   text NOT NULL,
    name        text NOT NULL,
    metadata    jsonb NOT NULL DEFAULT '{}',
    body        bytea NOT NULL DEFAULT '',
    flags       text[] NOT NULL DEFAULT '{}',
    changed_at  timestamptz NOT NULL,
    UNIQUE (agency, container, name)
);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['site', 'site_token', 'intake_container', 'intake_object'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own ON %I TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency))', t);
        -- The functions below cross agencies, and a rebuild writes rows back; both are the owner.
        EXECUTE format('CREATE POLICY owner_all ON %I TO lapel_owner USING (true) WITH CHECK (true)', t);
    END LOOP;
END $$;

GRANT SELECT (id, agency, name, username, made_at, made_by, closed_at) ON site TO lapel_app;
GRANT INSERT ON site TO lapel_staff;
GRANT UPDATE (key_sha256, closed_at) ON site TO lapel_staff;
GRANT INSERT, DELETE ON site_token TO lapel_intake;
GRANT SELECT (agency, ends_at) ON site_token TO lapel_intake;
GRANT SELECT ON intake_container, intake_object TO lapel_app;
GRANT INSERT ON intake_container, intake_object TO lapel_intake;
GRANT UPDATE (metadata) ON intake_container TO lapel_intake;
GRANT UPDATE (metadata, body, flags, changed_at) ON intake_object TO lapel_intake;
-- A camera system may say more of a file, or something else, after it has delivered it; the words before are in the log.
GRANT UPDATE (facts, started_at, ended_at) ON original TO lapel_intake;

-- Before a system has signed in nobody knows whose it is: these two answer one question each.
CREATE FUNCTION site_by_username(wanted text) RETURNS TABLE (id text, agency text, key_sha256 bytea)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
    AS $$ SELECT s.id::text, s.agency, s.key_sha256 FROM site s WHERE s.username = wanted AND s.closed_at IS NULL $$;

CREATE FUNCTION site_of_token(token bytea, at timestamptz) RETURNS TABLE (id text, agency text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
    AS $$ SELECT s.id::text, s.agency FROM site_token t JOIN site s ON s.id = t.site AND s.closed_at IS NULL
          WHERE t.token_sha256 = token AND t.ends_at > at $$;

DO $$
DECLARE f text;
BEGIN
    FOREACH f IN ARRAY ARRAY['site_by_username', 'site_of_token'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %I FROM PUBLIC', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %I TO lapel_intake', f);
    END LOOP;
END $$;
-- Failures at this door are counted as those at the staff's, per source and minute, and entered when the minute is over.
GRANT EXECUTE ON FUNCTION sign_in_failed, sign_in_failures_of TO lapel_intake;
