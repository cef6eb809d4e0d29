-- Who may? Roles with an office and an end, accounts tied to an officer, the purpose for which somebody looked,
-- restrictions that only named people see past, and an index by which the acts in the custody log are found.

-- --- accounts and grants -------------------------------------------------------------------------------------------
ALTER TABLE account ADD COLUMN officer hex_id REFERENCES officer;         -- the officer this person is, if one
CREATE UNIQUE INDEX account_officer ON account (officer) WHERE officer IS NOT NULL;

-- A grant is given by one person; a weighty one counts only when a second has approved it. It is ended, never deleted.
ALTER TABLE account_grant DROP CONSTRAINT account_grant_pkey;
ALTER TABLE account_grant DROP CONSTRAINT account_grant_permission_check;
ALTER TABLE account_grant
    ADD COLUMN id          hex_id PRIMARY KEY DEFAULT replace(gen_random_uuid()::text, '-', ''),
    ADD COLUMN office      hex_id REFERENCES office,       -- null: the whole agency
    ADD COLUMN until       timestamptz,                    -- null: until it is taken back
    ADD COLUMN waiting     boolean NOT NULL DEFAULT false, -- asked for by one person, not yet approved by another
    ADD COLUMN approved_by text,
    ADD COLUMN ended_at    timestamptz,
    ADD COLUMN ended_by    text,
    ADD CHECK (permission IN ('officer', 'supervisor', 'custodian', 'records', 'investigator', 'outside', 'inspector', 'policy', 'administrator')),
    ADD CHECK (approved_by IS DISTINCT FROM given_by);
CREATE UNIQUE INDEX account_grant_once ON account_grant (account, agency, permission, (COALESCE(office, ''))) WHERE ended_at IS NULL;
CREATE INDEX account_grant_agency ON account_grant (agency) WHERE ended_at IS NULL;

-- The account that acts in this transaction; null for processes and operators.
CREATE FUNCTION acting_account() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT substring(current_setting('lapel.actor', true) FROM '^account:([0-9a-f]{32})$') $$;

CREATE FUNCTION administers(of_agency text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM account_grant g JOIN account a ON a.id = g.account AND a.active
                    WHERE g.account = acting_account() AND g.agency = of_agency AND g.permission = 'administrator'
                      AND NOT g.waiting AND g.ended_at IS NULL AND (g.until IS NULL OR g.until > now()))
$$;
REVOKE ALL ON FUNCTION administers FROM PUBLIC;
GRANT EXECUTE ON FUNCTION administers TO lapel_staff;

-- Only who administers the agency gives and takes its grants, and never their own. The owner (an operator) is not bound.
CREATE POLICY by_its_administrator ON account_grant AS RESTRICTIVE FOR INSERT TO lapel_staff
    WITH CHECK (administers(agency) AND account <> acting_account());
CREATE POLICY by_its_administrator_too ON account_grant AS RESTRICTIVE FOR UPDATE TO lapel_staff
    USING (administers(agency)) WITH CHECK (administers(agency) AND account <> acting_account());
CREATE POLICY by_its_administrator ON account AS RESTRICTIVE FOR UPDATE TO lapel_staff
    USING (administers(agency)) WITH CHECK (administers(agency) AND id <> acting_account());
GRANT INSERT ON account_grant TO lapel_staff;
GRANT UPDATE (waiting, approved_by, ended_at, ended_by) ON account_grant TO lapel_staff;
GRANT SELECT (officer) ON account TO lapel_staff;
GRANT UPDATE (officer, active) ON account TO lapel_staff;

-- The session now tells which officer the person is, and each grant with its office: `agency role` or `agency role office`.
DROP FUNCTION session_read(bytea, timestamptz, interval);
CREATE FUNCTION session_read(token bytea, at timestamptz, idle interval)
    RETURNS TABLE (account text, name text, agency text, officer text, agency_in_view text, ends_at timestamptz, grants text[])
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
BEGIN
    -- Written at most once a minute: playing a video asks hundreds of times.
    UPDATE session s SET seen_at = at
        WHERE s.token_hash = token AND s.ended_at IS NULL AND s.ends_at > at AND s.seen_at > at - idle
          AND s.seen_at < at - interval '1 minute';
    RETURN QUERY
        SELECT a.id::text, a.name, a.agency, a.officer::text, s.agency_in_view, s.ends_at,
               ARRAY(SELECT concat_ws(' ', g.agency, g.permission, g.office) FROM account_grant g
                      WHERE g.account = a.id AND NOT g.waiting AND g.ended_at IS NULL AND (g.until IS NULL OR g.until > at)
                      ORDER BY 1)
        FROM session s JOIN account a ON a.id = s.account AND a.active
        WHERE s.token_hash = token AND s.ended_at IS NULL AND s.ends_at > at AND s.seen_at > at - idle;
END $$;
REVOKE ALL ON FUNCTION session_read FROM PUBLIC;
GRANT EXECUTE ON FUNCTION session_read TO lapel_staff;

-- --- why somebody looked -------------------------------------------------------------------------------------------
-- Somebody who looks at another person's recording says why; it holds for a while, for this recording and this account.
CREATE TABLE look (
    id           hex_id PRIMARY KEY,
    agency       text NOT NULL REFERENCES agency,
    recording    hex_id NOT NULL REFERENCES recording,
    account      hex_id NOT NULL REFERENCES account,
    why          text NOT NULL CHECK (why IN ('case', 'reason', 'glass')),
    code         text NOT NULL DEFAULT '',             -- of a coded reason
    case_number  text NOT NULL DEFAULT '',
    words        text NOT NULL DEFAULT '',
    begun_at     timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL,
    seen_at      timestamptz,                          -- broken glass: when an inspector general looked into it
    seen_by      text,
    seen_says    text NOT NULL DEFAULT ''
);
CREATE INDEX look_of ON look (recording, account, ends_at);
CREATE INDEX look_glass ON look (agency, begun_at) WHERE why = 'glass';

-- --- restricted recordings -----------------------------------------------------------------------------------------
ALTER TABLE recording ADD COLUMN restricted boolean NOT NULL DEFAULT false;
ALTER TABLE recording ADD COLUMN first_report_at timestamptz;  -- when the wearer had given the first report on a use of force
GRANT UPDATE (restricted) ON recording TO lapel_staff, lapel_worker;
GRANT UPDATE (first_report_at) ON recording TO lapel_staff;
CREATE INDEX recording_restricted ON recording (agency) WHERE restricted;

-- An officer's and a unit's list, newest first; the first takes the place of recording_wearer.
DROP INDEX recording_wearer;
CREATE INDEX recording_newest_of_wearer ON recording (wearer, COALESCE(started_at, announced_at) DESC, id DESC);
CREATE INDEX recording_newest_of_office ON recording (office, COALESCE(started_at, announced_at) DESC, id DESC);

CREATE TABLE restriction (
    id         hex_id PRIMARY KEY,
    agency     text NOT NULL REFERENCES agency,
    recording  hex_id NOT NULL REFERENCES recording,
    kind       text NOT NULL CHECK (kind IN ('technique', 'undercover', 'internal_affairs', 'forbidden', 'other')),
    reason     text NOT NULL,
    made_at    timestamptz NOT NULL,
    made_by    text NOT NULL,
    lifted_at  timestamptz,
    lifted_by  text,
    lifted_for text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX restriction_now ON restriction (recording) WHERE lifted_at IS NULL;

-- Who is named to see past it.
CREATE TABLE restriction_named (
    id         hex_id PRIMARY KEY,
    agency     text NOT NULL REFERENCES agency,
    recording  hex_id NOT NULL REFERENCES recording,
    account    hex_id NOT NULL REFERENCES account,
    named_at   timestamptz NOT NULL,
    named_by   text NOT NULL,
    ended_at   timestamptz
);
CREATE UNIQUE INDEX restriction_named_now ON restriction_named (recording, account) WHERE ended_at IS NULL;

-- --- does the custody log itself work? -----------------------------------------------------------------------------
CREATE TABLE alarm (
    id          hex_id PRIMARY KEY,
    agency      text NOT NULL,                         -- 'department' for what is nobody's alone
    kind        text NOT NULL,
    says        text NOT NULL,
    raised_at   timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,                  -- when it was last found to be so
    cleared_at  timestamptz
);
CREATE UNIQUE INDEX alarm_now ON alarm (agency, kind) WHERE cleared_at IS NULL;

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['look', 'restriction', 'restriction_named', 'alarm'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own ON %I TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency))', t);
        EXECUTE format('CREATE POLICY rebuild ON %I TO lapel_owner USING (true) WITH CHECK (true)', t);
    END LOOP;
END $$;
GRANT SELECT, INSERT ON look TO lapel_staff;
GRANT UPDATE (ends_at, seen_at, seen_by, seen_says) ON look TO lapel_staff;
GRANT SELECT ON restriction, restriction_named TO lapel_app;
GRANT INSERT ON restriction, restriction_named TO lapel_staff, lapel_worker;
GRANT UPDATE (lifted_at, lifted_by, lifted_for) ON restriction TO lapel_staff;
GRANT UPDATE (ended_at) ON restriction_named TO lapel_staff;
GRANT SELECT, INSERT ON alarm TO lapel_staff, lapel_worker;
GRANT UPDATE (says, seen_at, cleared_at) ON alarm TO lapel_staff, lapel_worker;

-- The second lock: to an account that is not named, a restricted recording and all that hangs on it are not there at all,
-- whatever the application permits. Processes and operators (no account) go past it: what they do shows nobody anything.
CREATE POLICY named_only ON recording AS RESTRICTIVE FOR SELECT TO lapel_staff USING (
    NOT restricted OR (SELECT acting_account()) IS NULL
    OR EXISTS (SELECT FROM restriction_named n WHERE n.recording = recording.id AND n.account = acting_account() AND n.ended_at IS NULL));
DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['original', 'derived', 'bookmark'] LOOP
        EXECUTE format('CREATE POLICY named_only ON %I AS RESTRICTIVE FOR SELECT TO lapel_staff USING ('
            '(SELECT acting_account()) IS NULL OR NOT EXISTS (SELECT FROM restriction x WHERE x.recording = %I.recording AND x.lifted_at IS NULL'
            ' AND NOT EXISTS (SELECT FROM restriction_named n WHERE n.recording = x.recording AND n.account = acting_account()'
            ' AND n.ended_at IS NULL)))', t, t);
    END LOOP;
END $$;

-- The search by words runs as the owner, so it keeps to the same rule itself.
CREATE OR REPLACE FUNCTION recordings_with_words(wanted text) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp ROWS 200
AS $$
    SELECT f.id FROM (
        SELECT r.id::text AS id FROM recording r
         WHERE to_tsvector('english', r.number || ' ' || r.note) @@ websearch_to_tsquery('english', wanted)
           AND in_view(r.agency)
        UNION
        SELECT b.recording::text FROM bookmark b
         WHERE to_tsvector('english', b.words) @@ websearch_to_tsquery('english', wanted)
           AND in_view(b.agency)
    ) f WHERE acting_account() IS NULL OR NOT EXISTS (
        SELECT FROM restriction x WHERE x.recording = f.id AND x.lifted_at IS NULL
           AND NOT EXISTS (SELECT FROM restriction_named n
                            WHERE n.recording = x.recording AND n.account = acting_account() AND n.ended_at IS NULL))
$$;

-- What a refusal may say of a restricted recording to somebody who is not named: that it is one, and whose.
CREATE FUNCTION restricted_number(wanted text) RETURNS TABLE (id text, agency text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$ SELECT r.id::text, r.agency FROM recording r WHERE r.number = wanted AND r.restricted AND in_view(r.agency) $$;
REVOKE ALL ON FUNCTION restricted_number FROM PUBLIC;
GRANT EXECUTE ON FUNCTION restricted_number TO lapel_staff;

-- --- the acts in the custody log, found by who, what, when ----------------------------------------------------------
-- Columns made from the openings: what is forgotten there is gone here. Plain columns, because an expression over json
-- is not used as an index under row-level security.
ALTER TABLE custody_opening
    ADD COLUMN at    text COLLATE "C" GENERATED ALWAYS AS (openings #>> '{at,1}') STORED,
    ADD COLUMN actor text COLLATE "C" GENERATED ALWAYS AS (openings #>> '{actor,1}') STORED,
    ADD COLUMN act   text COLLATE "C" GENERATED ALWAYS AS (openings #>> '{act,1}') STORED;
CREATE INDEX custody_opening_when ON custody_opening (agency, at DESC, entry DESC);
CREATE INDEX custody_opening_who ON custody_opening (actor, at DESC);
CREATE INDEX custody_opening_what ON custody_opening (agency, act, at DESC);
