-- Why does somebody look, who broke the glass, what is set apart, and what is said of a recording that changes who may see it?

-- --- why somebody looked: in which session, for which case ------------------------------------------------------------
ALTER TABLE look
    ADD COLUMN session   text NOT NULL DEFAULT '',      -- a mark of the session it was said in; no secret, and no key to it
    ADD COLUMN case_file hex_id REFERENCES case_file,
    ADD COLUMN seen_as   text NOT NULL DEFAULT '',      -- broken glass: the inspector's outcome, by its code
    ADD CHECK (seen_by IS DISTINCT FROM 'account:' || account);
CREATE INDEX look_glass_of ON look (account, ends_at) WHERE why = 'glass';
GRANT UPDATE (seen_as) ON look TO lapel_staff;

-- Nobody says for somebody else why they look.
CREATE POLICY for_oneself ON look AS RESTRICTIVE FOR INSERT TO lapel_staff WITH CHECK (account = (SELECT acting_account()));

-- --- restrictions: lifted by two people; the recording's own flag follows the restriction and nothing else -------------
ALTER TABLE restriction
    ADD COLUMN lift_asked_at  timestamptz,
    ADD COLUMN lift_asked_by  text,
    ADD COLUMN lift_asked_for text NOT NULL DEFAULT '',
    ADD CHECK (lifted_at IS NULL OR (lift_asked_by IS NOT NULL AND lift_asked_by <> lifted_by));
GRANT UPDATE (lift_asked_at, lift_asked_by, lift_asked_for) ON restriction TO lapel_staff;

-- Who restricts need not be named, and then does not see the row any more that the flag stands in.
CREATE FUNCTION restriction_shows() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
BEGIN
    UPDATE recording r SET restricted = EXISTS (SELECT FROM restriction x WHERE x.recording = r.id AND x.lifted_at IS NULL)
     WHERE r.id = NEW.recording;
    RETURN NULL;
END $$;
CREATE TRIGGER shows AFTER INSERT OR UPDATE OF lifted_at ON restriction FOR EACH ROW EXECUTE FUNCTION restriction_shows();
REVOKE UPDATE (restricted) ON recording FROM lapel_staff, lapel_worker;

-- Is this recording set apart from the account that acts? Processes and operators go past it, as everywhere.
CREATE FUNCTION kept_from_me(which text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
    SELECT acting_account() IS NOT NULL AND EXISTS (
        SELECT FROM restriction x WHERE x.recording = which AND x.lifted_at IS NULL AND NOT EXISTS (
            SELECT FROM restriction_named n WHERE n.recording = x.recording AND n.account = acting_account() AND n.ended_at IS NULL))
$$;
-- A case does not tell that it holds one, and neither does what is being redacted.
CREATE POLICY named_only ON case_recording AS RESTRICTIVE FOR SELECT TO lapel_staff USING (NOT kept_from_me(recording));
CREATE POLICY named_only ON redaction AS RESTRICTIVE FOR SELECT TO lapel_staff USING (NOT kept_from_me(recording));

-- What a share gives holds no restricted recording, by its number either.
CREATE OR REPLACE FUNCTION recordings_of_share(which text, at_most integer) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp ROWS 50
AS $$
    SELECT r.id::text FROM share s
      LEFT JOIN saved_search q ON q.id = s.search AND q.agency = s.agency
      JOIN recording r ON r.agency = s.agency AND (
              r.id = s.recording
           OR r.id IN (SELECT c.recording FROM case_recording c
                        WHERE c.case_file = s.case_file AND c.agency = s.agency AND c.removed_at IS NULL)
           OR (q.id IS NOT NULL AND search_fits(q, r)))
     WHERE s.id = which AND in_view(s.to_agency) AND s.revoked_at IS NULL AND s.expires_at > statement_timestamp()
       AND NOT r.restricted
     ORDER BY COALESCE(r.started_at, r.announced_at) DESC, r.id DESC LIMIT at_most
$$;

-- Who is named when nobody else is: the inspectors general of the agency, so that somebody can always decide.
CREATE FUNCTION inspectors_of(of_agency text) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
    SELECT DISTINCT g.account::text FROM account_grant g JOIN account a ON a.id = g.account AND a.active
     WHERE g.agency = of_agency AND in_view(of_agency) AND g.permission = 'inspector' AND g.office IS NULL
       AND NOT g.waiting AND g.ended_at IS NULL AND (g.until IS NULL OR g.until > now())
$$;

-- The restriction in force on a recording of an agency in view, for those who decide it without being named themselves.
CREATE FUNCTION restricted_recording(wanted text) RETURNS TABLE (id text, agency text, office text, wearer text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
    SELECT r.id::text, r.agency, r.office::text, r.wearer::text FROM recording r
     WHERE r.number = wanted AND r.restricted AND in_view(r.agency)
$$;

-- --- what is said of a recording that changes who may see it -----------------------------------------------------------
-- A mark is set with a reason and ended with one; it is never changed or deleted.
CREATE TABLE footage_mark (
    id         hex_id PRIMARY KEY,
    agency     text NOT NULL REFERENCES agency,
    recording  hex_id NOT NULL REFERENCES recording,
    kind       text NOT NULL CHECK (kind IN ('use_of_force', 'investigated')),
    reason     text NOT NULL CHECK (length(reason) BETWEEN 1 AND 2000),
    made_at    timestamptz NOT NULL,
    made_by    text NOT NULL,
    ended_at   timestamptz,
    ended_by   text,
    ended_for  text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX footage_mark_now ON footage_mark (recording, kind) WHERE ended_at IS NULL;
ALTER TABLE footage_mark ENABLE ROW LEVEL SECURITY;
ALTER TABLE footage_mark FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON footage_mark TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency));
CREATE POLICY rebuild ON footage_mark TO lapel_owner USING (true) WITH CHECK (true);
GRANT SELECT ON footage_mark TO lapel_app;
GRANT INSERT ON footage_mark TO lapel_staff, lapel_worker;
GRANT UPDATE (ended_at, ended_by, ended_for) ON footage_mark TO lapel_staff;

-- --- a number of nobody and a number of somebody else's are asked for in the same way, so that time tells neither -----
CREATE OR REPLACE FUNCTION shares_over(wanted text) RETURNS TABLE (share text, ended_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp ROWS 2
AS $$
    SELECT s.share, s.ends_at
      FROM shares_of(COALESCE((SELECT r.id::text FROM recording r WHERE r.number = wanted), repeat('0', 32))) s
     WHERE s.ends_at <= statement_timestamp() ORDER BY s.ends_at DESC
$$;

DO $$
DECLARE f text;
BEGIN
    FOREACH f IN ARRAY ARRAY['kept_from_me(text)', 'inspectors_of(text)', 'restricted_recording(text)', 'restriction_shows()'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
    GRANT EXECUTE ON FUNCTION kept_from_me(text), restricted_recording(text) TO lapel_staff;
    GRANT EXECUTE ON FUNCTION inspectors_of(text) TO lapel_staff, lapel_worker;
END $$;
