-- Who did what, to what, when, from where, with what outcome, and how many bytes went out? The acts in the custody log are
-- found by any of these (CJIS AU-3). 0012 made columns of when, who and what; these are the others. They are computed from
-- the openings, so that what is forgotten there is gone here, and nothing can be written here that the log does not say.

CREATE FUNCTION custody_outcome(openings json) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE openings #>> '{act,1}'
        WHEN 'refused' THEN 'refused' WHEN 'client_certificate_spoofed' THEN 'refused'
        WHEN 'sign_in_failed' THEN 'refused'
        WHEN 'failed' THEN 'failed' WHEN 'found_fault' THEN 'failed' END
$$;
CREATE FUNCTION custody_bytes(openings json) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN openings #>> '{bytes,1}' ~ '^[0-9]{1,18}$' THEN (openings #>> '{bytes,1}')::bigint END
$$;

-- `outcome` is null where the act was done, which nearly all are; a subject's own column is there since 0002.
ALTER TABLE custody_opening
    ADD COLUMN source  text COLLATE "C" GENERATED ALWAYS AS (openings #>> '{source,1}') STORED,
    ADD COLUMN door    text COLLATE "C" GENERATED ALWAYS AS (openings #>> '{door,1}') STORED,
    ADD COLUMN outcome text COLLATE "C" GENERATED ALWAYS AS (custody_outcome(openings)) STORED,
    ADD COLUMN bytes   bigint           GENERATED ALWAYS AS (custody_bytes(openings)) STORED;

-- Nearly all entries come from cameras and from Lapel itself; what people do is found in indexes that hold nothing else.
CREATE INDEX custody_opening_from ON custody_opening (agency, source, at DESC, entry DESC) WHERE source IS NOT NULL;
CREATE INDEX custody_opening_door ON custody_opening (agency, door, at DESC, entry DESC) WHERE door IS NOT NULL;
CREATE INDEX custody_opening_outcome ON custody_opening (agency, outcome, at DESC, entry DESC) WHERE outcome IS NOT NULL;
CREATE INDEX custody_opening_bytes ON custody_opening (agency, bytes) WHERE bytes IS NOT NULL;
CREATE INDEX custody_opening_accounts ON custody_opening (agency, at DESC, entry DESC)
    WHERE subject >= 'account:' AND subject < 'account;';
-- In the order a search shows them, so that one person's or thing's acts are read from their newest without sorting.
DROP INDEX custody_opening_who;
CREATE INDEX custody_opening_who ON custody_opening (agency, actor, at DESC, entry DESC);
DROP INDEX custody_opening_what;
CREATE INDEX custody_opening_what ON custody_opening (agency, act, at DESC, entry DESC);
