-- What matter does a recording belong to, and what of one agency's footage may another see, for how long?
-- A case belongs to one agency; joint agencies see the case and put their own recordings into it. Being joint shows no
-- footage: only a share does, and of its giver's recordings alone.

CREATE TABLE case_file (
    id         hex_id PRIMARY KEY,
    agency     text NOT NULL REFERENCES agency,
    number     text NOT NULL CHECK (number ~ '^[A-Za-z0-9][A-Za-z0-9/._-]{0,39}$'),
    kind       text NOT NULL,
    title      text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    opened_at  timestamptz NOT NULL,
    opened_by  text NOT NULL,
    closed_at  timestamptz,
    closed_by  text,
    UNIQUE (agency, number)
);

-- Who has a part in a case: an account, or somebody outside who is named by office or badge number.
CREATE TABLE case_member (
    id         hex_id PRIMARY KEY,
    agency     text NOT NULL REFERENCES agency,        -- the case's
    case_file  hex_id NOT NULL REFERENCES case_file,
    account    text,
    who        text NOT NULL CHECK (length(who) BETWEEN 1 AND 100),
    part       text NOT NULL,
    added_at   timestamptz NOT NULL,
    added_by   text NOT NULL,
    ended_at   timestamptz,
    ended_by   text
);
CREATE INDEX case_member_of ON case_member (case_file);
CREATE INDEX case_member_account ON case_member (account) WHERE ended_at IS NULL;

CREATE TABLE case_joint (
    id          hex_id PRIMARY KEY,
    agency      text NOT NULL REFERENCES agency,       -- the case's
    case_file   hex_id NOT NULL REFERENCES case_file,
    joint       text NOT NULL REFERENCES agency CHECK (joint <> agency),
    task_force  text NOT NULL DEFAULT '',
    added_at    timestamptz NOT NULL,
    added_by    text NOT NULL,
    ended_at    timestamptz,
    ended_by    text
);
CREATE UNIQUE INDEX case_joint_once ON case_joint (case_file, joint) WHERE ended_at IS NULL;
CREATE INDEX case_joint_of ON case_joint (joint) WHERE ended_at IS NULL;

CREATE TABLE case_recording (
    id           hex_id PRIMARY KEY,
    agency       text NOT NULL REFERENCES agency,      -- the recording's
    case_agency  text NOT NULL REFERENCES agency,      -- the case's
    case_file    hex_id NOT NULL REFERENCES case_file,
    recording    hex_id NOT NULL REFERENCES recording,
    reason       text NOT NULL DEFAULT '',
    added_at     timestamptz NOT NULL,
    added_by     text NOT NULL,
    removed_at   timestamptz,
    removed_by   text
);
CREATE UNIQUE INDEX case_recording_once ON case_recording (case_file, recording) WHERE removed_at IS NULL;
CREATE INDEX case_recording_of ON case_recording (recording);

-- A saved search never changes: what it was shared for stays what is shared. Empty means every value.
CREATE TABLE saved_search (
    id         hex_id PRIMARY KEY,
    agency     text NOT NULL REFERENCES agency,
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    office     text NOT NULL DEFAULT '',
    wearer     text NOT NULL DEFAULT '',               -- a badge number
    camera     text NOT NULL DEFAULT '',               -- a serial number
    category   text NOT NULL DEFAULT '',               -- a name, or none
    first_day  date,
    last_day   date,
    zone       text NOT NULL,
    words      text NOT NULL DEFAULT '',
    made_at    timestamptz NOT NULL,
    made_by    text NOT NULL,
    UNIQUE (agency, name)
);

CREATE TABLE share (
    id             hex_id PRIMARY KEY,
    agency         text NOT NULL REFERENCES agency,    -- who gives
    to_agency      text NOT NULL REFERENCES agency CHECK (to_agency <> agency),
    recording      hex_id REFERENCES recording,
    case_file      hex_id REFERENCES case_file,
    search         hex_id REFERENCES saved_search,
    acts           text[] NOT NULL CHECK (acts <@ ARRAY['view', 'play', 'download'] AND 'view' = ANY (acts)),
    purpose        text NOT NULL CHECK (length(purpose) BETWEEN 1 AND 2000),
    given_at       timestamptz NOT NULL,
    given_by       text NOT NULL,
    expires_at     timestamptz NOT NULL CHECK (expires_at > given_at),
    revoked_at     timestamptz,
    revoked_by     text,
    revoke_reason  text,
    entry          hex_id NOT NULL,                    -- the custody entry of its giving: the receipt is of it
    CHECK (num_nonnulls(recording, case_file, search) = 1),
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL) AND (revoked_at IS NULL) = (revoke_reason IS NULL))
);
CREATE INDEX share_of_recording ON share (recording) WHERE recording IS NOT NULL;
CREATE INDEX share_of_case ON share (case_file, agency) WHERE case_file IS NOT NULL;
CREATE INDEX share_of_search ON share (agency, to_agency) WHERE search IS NOT NULL;
CREATE INDEX share_given ON share (agency, given_at DESC);
CREATE INDEX share_had ON share (to_agency, given_at DESC);

CREATE FUNCTION share_only_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.revoked_at IS NOT NULL THEN
        RAISE EXCEPTION 'share: what was taken back stays so' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER only_ends BEFORE UPDATE ON share FOR EACH ROW EXECUTE FUNCTION share_only_ends();

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['case_file', 'case_member', 'case_joint', 'case_recording', 'saved_search', 'share'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own ON %I TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency))', t);
        -- A rebuild writes rows back, and the functions below answer across agencies; both are the owner.
        EXECUTE format('CREATE POLICY rebuild ON %I TO lapel_owner USING (true) WITH CHECK (true)', t);
    END LOOP;
END $$;

-- A share is known to both sides, also when it is over.
CREATE POLICY given_to_us ON share FOR SELECT TO lapel_app USING (in_view(to_agency));

-- Is this case joint with an agency in view, or shared with one now?
CREATE FUNCTION case_is_joint(which text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$ SELECT EXISTS (SELECT FROM case_joint j WHERE j.case_file = which AND j.ended_at IS NULL AND in_view(j.joint)) $$;
CREATE FUNCTION case_is_shared(which text, of_agency text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM share s WHERE s.case_file = which AND (of_agency IS NULL OR s.agency = of_agency)
                      AND in_view(s.to_agency) AND s.revoked_at IS NULL AND s.expires_at > statement_timestamp())
$$;
-- Joint agencies see the case, its members and which recordings are in it; whom a share was given sees the giver's part.
CREATE POLICY joint ON case_file FOR SELECT TO lapel_app USING (case_is_joint(id));
CREATE POLICY joint ON case_member FOR SELECT TO lapel_app USING (case_is_joint(case_file));
CREATE POLICY joint ON case_joint FOR SELECT TO lapel_app USING (case_is_joint(case_file));
CREATE POLICY joint ON case_recording FOR SELECT TO lapel_app USING (case_is_joint(case_file));
CREATE POLICY of_our_case ON case_recording FOR SELECT TO lapel_app USING (in_view(case_agency));
CREATE POLICY shared ON case_file FOR SELECT TO lapel_staff USING (case_is_shared(id, NULL));
CREATE POLICY shared ON case_recording FOR SELECT TO lapel_staff USING (case_is_shared(case_file, agency));
CREATE POLICY given_to_us ON saved_search FOR SELECT TO lapel_staff USING (
    EXISTS (SELECT FROM share s WHERE s.search = saved_search.id AND in_view(s.to_agency)));

-- A second lock: nobody puts into a case what is not theirs, into a case they do not see, or shares what they do not have.
CREATE POLICY own_into_seen ON case_recording AS RESTRICTIVE FOR INSERT TO lapel_staff WITH CHECK (
    EXISTS (SELECT FROM case_file f WHERE f.id = case_file AND f.agency = case_agency)
    AND EXISTS (SELECT FROM recording r WHERE r.id = recording AND r.agency = case_recording.agency));
CREATE POLICY gives_own ON share AS RESTRICTIVE FOR INSERT TO lapel_staff WITH CHECK (
    (recording IS NULL OR EXISTS (SELECT FROM recording r WHERE r.id = recording AND r.agency = share.agency))
    AND (case_file IS NULL OR EXISTS (SELECT FROM case_file f WHERE f.id = case_file
                                       AND (in_view(f.agency) OR case_is_joint(f.id))))
    AND (search IS NULL OR EXISTS (SELECT FROM saved_search q WHERE q.id = search AND q.agency = share.agency)));

GRANT SELECT ON case_file, case_member, case_joint, case_recording, saved_search, share TO lapel_app;
GRANT INSERT ON case_file, case_member, case_joint, case_recording, saved_search, share TO lapel_staff;
GRANT UPDATE (closed_at, closed_by) ON case_file TO lapel_staff;
GRANT UPDATE (ended_at, ended_by) ON case_member, case_joint TO lapel_staff;
GRANT UPDATE (removed_at, removed_by) ON case_recording TO lapel_staff;
GRANT UPDATE (revoked_at, revoked_by, revoke_reason) ON share TO lapel_staff;

-- Does a recording fit a saved search, as `footage.search` would find it for the giver?
CREATE FUNCTION search_fits(q saved_search, r recording) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT (q.office = '' OR EXISTS (SELECT FROM office o WHERE o.id = r.office AND o.name = q.office))
       AND (q.wearer = '' OR EXISTS (SELECT FROM officer w WHERE w.id = r.wearer AND w.badge = q.wearer))
       AND (q.camera = '' OR EXISTS (SELECT FROM camera c WHERE c.id = r.camera AND c.serial = q.camera))
       AND (q.category = '' OR (q.category = 'none' AND r.category IS NULL)
            OR EXISTS (SELECT FROM category k WHERE k.id = r.category AND k.name = q.category AND q.category <> 'none'))
       AND (q.first_day IS NULL OR COALESCE(r.started_at, r.announced_at) >= q.first_day::timestamp AT TIME ZONE q.zone)
       AND (q.last_day IS NULL OR COALESCE(r.started_at, r.announced_at) < (q.last_day + 1)::timestamp AT TIME ZONE q.zone)
       AND (q.words = '' OR to_tsvector('english', r.number || ' ' || r.note) @@ websearch_to_tsquery('english', q.words)
            OR EXISTS (SELECT FROM bookmark b WHERE b.recording = r.id
                        AND to_tsvector('english', b.words) @@ websearch_to_tsquery('english', q.words)))
$$;

-- Which shares with an agency in view cover this recording, or did, and until when? A share gives its giver's recordings
-- only; of what came after its end it says nothing.
CREATE FUNCTION shares_of(which text) RETURNS TABLE (share text, acts text[], ends_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp ROWS 2
AS $$
    SELECT s.id::text, s.acts, LEAST(s.expires_at, s.revoked_at)
      FROM share s JOIN recording r ON r.id = s.recording AND r.agency = s.agency
     WHERE s.recording = which AND in_view(s.to_agency)
    UNION ALL
    SELECT s.id::text, s.acts, LEAST(s.expires_at, s.revoked_at, c.removed_at)
      FROM case_recording c JOIN share s ON s.case_file = c.case_file AND s.agency = c.agency
      JOIN recording r ON r.id = c.recording AND r.agency = c.agency
     WHERE c.recording = which AND in_view(s.to_agency) AND c.added_at < LEAST(s.expires_at, s.revoked_at)
    UNION ALL
    SELECT s.id::text, s.acts, LEAST(s.expires_at, s.revoked_at)
      FROM recording r JOIN share s ON s.agency = r.agency AND s.search IS NOT NULL
      JOIN saved_search q ON q.id = s.search AND q.agency = s.agency
     WHERE r.id = which AND in_view(s.to_agency) AND r.announced_at < LEAST(s.expires_at, s.revoked_at)
       AND search_fits(q, r)
$$;

-- Row by row: is this recording shared with an agency in view, at this instant? A restricted one never is, whoever gave
-- it before (asked of the row as it is, so that it holds before and after recordings have that column).
CREATE FUNCTION shared_now(which text) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM shares_of(which) WHERE ends_at > statement_timestamp())
       AND NOT EXISTS (SELECT FROM recording r WHERE r.id = which AND (to_jsonb(r) ->> 'restricted')::boolean);
END $$;

-- What a number meant that is not in view: the shares that covered it and are over.
CREATE FUNCTION shares_over(wanted text) RETURNS TABLE (share text, ended_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp ROWS 2
AS $$
    SELECT s.share, s.ends_at FROM recording r, shares_of(r.id) s
     WHERE r.number = wanted AND s.ends_at <= statement_timestamp() ORDER BY s.ends_at DESC
$$;

-- The recordings that a live share with an agency in view gives, newest first.
CREATE FUNCTION recordings_of_share(which text, at_most integer) RETURNS SETOF text
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
     ORDER BY COALESCE(r.started_at, r.announced_at) DESC, r.id DESC LIMIT at_most
$$;

-- What people call the wearer, the camera, the office and the category of a recording that is shared now. Those rows are
-- not shared themselves: an officer's name and everything else of them stays with the giver.
CREATE FUNCTION shared_facts(which text[])
    RETURNS TABLE (recording text, badge text, serial text, maker text, model text, office text, category text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp ROWS 50
AS $$
    SELECT r.id::text, w.badge, c.serial, c.maker, c.model, o.name, k.name
      FROM recording r LEFT JOIN officer w ON w.id = r.wearer LEFT JOIN camera c ON c.id = r.camera
      LEFT JOIN office o ON o.id = r.office LEFT JOIN category k ON k.id = r.category
     WHERE r.id = ANY (which) AND shared_now(r.id)
$$;

-- Footage that is shared, and only while it is. The order in which policies are asked is not ours to choose, so an
-- agency's own rows are told apart here too: without that, a list of them asked for shares row by row (fifty times slower).
CREATE POLICY shared ON recording FOR SELECT TO lapel_staff USING (CASE WHEN in_view(agency) THEN true ELSE shared_now(id) END);
CREATE POLICY shared ON original  FOR SELECT TO lapel_staff USING (CASE WHEN in_view(agency) THEN true ELSE shared_now(recording) END);
CREATE POLICY shared ON derived   FOR SELECT TO lapel_staff USING (CASE WHEN in_view(agency) THEN true ELSE shared_now(recording) END);
CREATE POLICY shared ON bookmark  FOR SELECT TO lapel_staff USING (CASE WHEN in_view(agency) THEN true ELSE shared_now(recording) END);

-- What the other agency's people do with it is written into the giver's log, in their own name, while the share lasts.
CREATE POLICY acts_on_shared ON custody_opening FOR INSERT TO lapel_staff WITH CHECK (
    subject LIKE 'recording:%' AND openings #>> '{actor,1}' = current_setting('lapel.actor', true)
    AND EXISTS (SELECT FROM recording r WHERE r.id = substr(subject, 11) AND r.agency = custody_opening.agency)
    AND shared_now(substr(subject, 11)));
CREATE POLICY own_play_of_shared ON play_grant FOR SELECT TO lapel_staff
    USING ('account:' || account = current_setting('lapel.actor', true));
CREATE POLICY counts_own_play ON play_grant FOR UPDATE TO lapel_staff
    USING ('account:' || account = current_setting('lapel.actor', true))
    WITH CHECK ('account:' || account = current_setting('lapel.actor', true));
CREATE POLICY plays_shared ON play_grant FOR INSERT TO lapel_staff WITH CHECK (
    'account:' || account = current_setting('lapel.actor', true) AND shared_now(recording)
    AND EXISTS (SELECT FROM recording r WHERE r.id = play_grant.recording AND r.agency = play_grant.agency));
-- The receiving agency keeps a receipt of what it was given: the entries about the share itself, and no others.
CREATE POLICY receipts_of_shares ON custody_opening FOR SELECT TO lapel_staff USING (
    subject LIKE 'share:%'
    AND EXISTS (SELECT FROM share s WHERE s.id = substr(subject, 7) AND in_view(s.to_agency)));
-- A joint agency's acts on a case are entries of that agency; the case's own agency reads them in the case's history.
CREATE POLICY acts_on_our_cases ON custody_opening FOR SELECT TO lapel_staff USING (
    subject LIKE 'case:%'
    AND EXISTS (SELECT FROM case_file f WHERE f.id = substr(subject, 6) AND in_view(f.agency)));

DO $$
DECLARE f text;
BEGIN
    FOREACH f IN ARRAY ARRAY['case_is_joint(text)', 'case_is_shared(text, text)', 'shares_of(text)', 'shared_now(text)',
                             'shares_over(text)', 'recordings_of_share(text, integer)', 'shared_facts(text[])'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO lapel_staff', f);
    END LOOP;
    -- The policies for joint agencies hold for every process, so every process may ask this.
    GRANT EXECUTE ON FUNCTION case_is_joint(text) TO lapel_app;
END $$;
