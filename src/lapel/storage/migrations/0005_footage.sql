-- What came from the cameras? Recordings, the originals they consist of, what was derived, and what people said about them.

CREATE TABLE category (
    id           hex_id PRIMARY KEY,
    agency       text NOT NULL REFERENCES agency,
    name         text NOT NULL,
    external_id  text,                     -- how a camera system names it
    active       boolean NOT NULL DEFAULT true,
    UNIQUE (agency, name)
);

CREATE TABLE recording (
    id                 hex_id PRIMARY KEY,
    agency             text NOT NULL REFERENCES agency,
    number             text NOT NULL UNIQUE,          -- derived from the id, for people
    external_id        text,                          -- what the camera system calls it
    office             hex_id REFERENCES office,
    wearer             hex_id REFERENCES officer,
    camera             hex_id REFERENCES camera,
    source             text NOT NULL CHECK (source IN ('camera', 'hand')),
    state              text NOT NULL CHECK (state IN ('receiving', 'complete')),
    started_at         timestamptz,                   -- by the camera's clock, pre-event buffer included
    ended_at           timestamptz,
    zone               text,
    facts              jsonb NOT NULL DEFAULT '{}',   -- everything else the camera said, as it said it
    flags              text[] NOT NULL DEFAULT '{}',
    category           hex_id REFERENCES category,
    category_by        text,                          -- who chose it; a suggestion never overwrites a person's choice
    suggested_category hex_id REFERENCES category,
    note               text NOT NULL DEFAULT '',
    wrapped_key        bytea NOT NULL,                -- a cache: the object in keys/ is the key
    announced_at       timestamptz NOT NULL,
    completed_at       timestamptz,
    UNIQUE (agency, external_id)
);
CREATE INDEX recording_newest ON recording (agency, COALESCE(started_at, announced_at) DESC, id DESC);
CREATE INDEX recording_wearer ON recording (wearer);
CREATE INDEX recording_camera ON recording (camera);

-- The bytes as they came. `beside` marks what came under a name already taken: kept, flagged, never in the other's place.
CREATE TABLE original (
    id            hex_id PRIMARY KEY,
    agency        text NOT NULL REFERENCES agency,
    recording     hex_id NOT NULL REFERENCES recording,
    kind          text NOT NULL CHECK (kind IN ('clip', 'trail', 'key', 'other')),
    name          text NOT NULL,
    object        hex_id NOT NULL UNIQUE,
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    sha256        text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    object_key    bytea NOT NULL,
    started_at    timestamptz,
    ended_at      timestamptz,
    facts         jsonb NOT NULL DEFAULT '{}',
    flags         text[] NOT NULL DEFAULT '{}',
    beside        boolean NOT NULL DEFAULT false,
    received_at   timestamptz NOT NULL,
    entry         hex_id NOT NULL,                    -- the custody entry of its arrival
    state         text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'inspected', 'unreadable', 'fault')),
    reason        text NOT NULL DEFAULT '',
    inspection    jsonb,
    media_root    text CHECK (media_root ~ '^[0-9a-f]{64}$'),
    inspected_at  timestamptz
);
-- The same bytes are kept once in an agency; an empty file is no evidence of being the same file.
CREATE UNIQUE INDEX original_digest ON original (agency, sha256) WHERE size_bytes > 0;
CREATE INDEX original_recording ON original (recording);
CREATE INDEX original_state ON original (agency, state) WHERE state <> 'inspected';

-- The same bytes delivered again: acknowledged, and not kept twice.
CREATE TABLE delivered_again (
    id         hex_id PRIMARY KEY,
    agency     text NOT NULL REFERENCES agency,
    recording  hex_id NOT NULL REFERENCES recording,
    original   hex_id NOT NULL REFERENCES original,
    name       text NOT NULL,
    at         timestamptz NOT NULL
);

-- Made from an original, and destroyed with it: thumbnails, trails, media-tree seeds.
CREATE TABLE derived (
    id          hex_id PRIMARY KEY,
    agency      text NOT NULL REFERENCES agency,
    recording   hex_id NOT NULL REFERENCES recording,
    original    hex_id NOT NULL REFERENCES original,
    kind        text NOT NULL CHECK (kind IN ('thumbnail', 'trail', 'media_seed')),
    place       integer NOT NULL DEFAULT 0,           -- 0, 1, 2 … among those of one kind
    object      hex_id NOT NULL UNIQUE,
    size_bytes bigint NOT NULL,
    object_key  bytea NOT NULL,
    facts       jsonb NOT NULL DEFAULT '{}',
    UNIQUE (original, kind, place)
);

CREATE TABLE bookmark (
    id           hex_id PRIMARY KEY,
    agency       text NOT NULL REFERENCES agency,
    recording    hex_id NOT NULL REFERENCES recording,
    external_id  text,
    at           timestamptz,                         -- null: the recording as a whole
    until        timestamptz,
    words        text NOT NULL DEFAULT '',
    category     hex_id REFERENCES category,
    facts        jsonb NOT NULL DEFAULT '{}',
    made_by      text NOT NULL,
    made_at      timestamptz NOT NULL,
    UNIQUE (recording, external_id)
);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['category', 'recording', 'original', 'delivered_again', 'derived', 'bookmark'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own ON %I TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency))', t);
    END LOOP;
END $$;

GRANT SELECT, INSERT ON category, recording, original, delivered_again, bookmark TO lapel_app;
GRANT SELECT ON derived TO lapel_app;
GRANT INSERT, DELETE ON derived TO lapel_worker;
GRANT UPDATE (office, wearer, camera, state, started_at, ended_at, zone, facts, flags, suggested_category, completed_at) ON recording TO lapel_app;
GRANT UPDATE (category, category_by, note) ON recording TO lapel_staff;
GRANT UPDATE (flags, beside) ON original TO lapel_app;
GRANT UPDATE (state, reason, inspection, media_root, inspected_at) ON original TO lapel_worker;
GRANT UPDATE (at, until, words, category, facts) ON bookmark TO lapel_app;
GRANT UPDATE (name, external_id, active) ON category TO lapel_staff;

-- A worker learns whose a thing is from the thing, never from a job; this tells that and nothing else.
CREATE POLICY owner_reads ON original TO lapel_owner USING (true);
CREATE FUNCTION agency_of_original(which hex_id) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
    AS $$ SELECT agency FROM original WHERE id = which $$;
REVOKE ALL ON FUNCTION agency_of_original FROM PUBLIC;
GRANT EXECUTE ON FUNCTION agency_of_original TO lapel_worker;
