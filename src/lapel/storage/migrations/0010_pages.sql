-- What do pages ask again and again? Words to search by, work lists that stay quick as the archive grows, and who is
-- playing what.

-- Newest first over several agencies at once; for one agency there is recording_newest.
CREATE INDEX recording_newest_of_all ON recording (COALESCE(started_at, announced_at) DESC, id DESC);
CREATE INDEX recording_uncategorised ON recording (announced_at) WHERE category IS NULL;
CREATE INDEX recording_receiving ON recording (announced_at) WHERE state = 'receiving';
CREATE INDEX recording_wearer_unknown ON recording (announced_at) WHERE wearer IS NULL OR 'wearer-unknown' = ANY (flags);
CREATE INDEX recording_completed ON recording (completed_at) WHERE state = 'complete';

CREATE INDEX recording_words ON recording USING gin (to_tsvector('english', number || ' ' || note));
CREATE INDEX bookmark_words ON bookmark USING gin (to_tsvector('english', words));

-- Under row-level security an index on words is not used: the planner may not look into rows before the policy has. So
-- this one function looks for words, in the agencies of the transaction and in no others (design §4.7).
CREATE POLICY words_are_searched ON recording FOR SELECT TO lapel_owner USING (true);
CREATE POLICY words_are_searched ON bookmark FOR SELECT TO lapel_owner USING (true);
CREATE FUNCTION recordings_with_words(wanted text) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp ROWS 200
AS $$
    SELECT r.id::text FROM recording r
     WHERE to_tsvector('english', r.number || ' ' || r.note) @@ websearch_to_tsquery('english', wanted)
       AND in_view(r.agency)
    UNION
    SELECT b.recording::text FROM bookmark b
     WHERE to_tsvector('english', b.words) @@ websearch_to_tsquery('english', wanted)
       AND in_view(b.agency)
$$;
REVOKE ALL ON FUNCTION recordings_with_words FROM PUBLIC;
GRANT EXECUTE ON FUNCTION recordings_with_words TO lapel_staff;

-- Playing is two custody entries: when a grant begins, and when it ends, with the bytes that were sent meanwhile.
CREATE TABLE play_grant (
    id          hex_id PRIMARY KEY,
    agency      text NOT NULL REFERENCES agency,
    recording   hex_id NOT NULL REFERENCES recording,
    account     hex_id NOT NULL REFERENCES account,
    begun_at    timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    sent_bytes  bigint NOT NULL DEFAULT 0,
    ended       boolean NOT NULL DEFAULT false
);
CREATE INDEX play_grant_open ON play_grant (ends_at) WHERE NOT ended;
CREATE INDEX play_grant_of ON play_grant (recording, account, ends_at);
ALTER TABLE play_grant ENABLE ROW LEVEL SECURITY;
ALTER TABLE play_grant FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON play_grant TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency));
CREATE POLICY owner_reads ON play_grant FOR SELECT TO lapel_owner USING (true);
GRANT SELECT, INSERT ON play_grant TO lapel_staff;
GRANT UPDATE (sent_bytes, ended) ON play_grant TO lapel_staff;

-- Which agencies have grants that are over and not entered yet? Tells that and nothing else.
CREATE FUNCTION agencies_with_plays_over(at timestamptz) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$ SELECT DISTINCT agency FROM play_grant WHERE NOT ended AND ends_at < at $$;
REVOKE ALL ON FUNCTION agencies_with_plays_over FROM PUBLIC;
GRANT EXECUTE ON FUNCTION agencies_with_plays_over TO lapel_staff;
