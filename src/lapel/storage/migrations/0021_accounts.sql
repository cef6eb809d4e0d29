-- Who makes accounts, gives roles and lets people in? Two people for whatever shows footage, kept to by the database too.

-- --- accounts ------------------------------------------------------------------------------------------------------
GRANT INSERT (id, agency, name, name_key, password, officer, made_at, made_by) ON account TO lapel_staff;
GRANT SELECT (locked_until) ON account TO lapel_staff;
GRANT UPDATE (attempts, locked_until) ON account TO lapel_staff;
CREATE POLICY by_its_administrator_made ON account AS RESTRICTIVE FOR INSERT TO lapel_staff WITH CHECK (
    administers(agency) AND id <> acting_account()
    AND (officer IS NULL OR EXISTS (SELECT FROM officer o WHERE o.id = account.officer AND o.agency = account.agency)));

-- Who approved a role as an officer approved it for this officer's recordings and for nobody else's.
CREATE FUNCTION account_officer_stays() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
BEGIN
    IF NEW.officer IS DISTINCT FROM OLD.officer AND EXISTS (
        SELECT FROM account_grant g WHERE g.account = NEW.id AND g.permission = 'officer' AND g.ended_at IS NULL) THEN
        RAISE EXCEPTION 'account: it holds a role as this officer' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER officer_stays BEFORE UPDATE OF officer ON account FOR EACH ROW EXECUTE FUNCTION account_officer_stays();
REVOKE ALL ON FUNCTION account_officer_stays FROM PUBLIC;

-- --- a link that sets the first password of an account that is there ---------------------------------------------------
ALTER TABLE sign_in_link ADD account hex_id REFERENCES account;   -- null: it makes an account

CREATE FUNCTION link_offer(token bytea, who hex_id, at timestamptz, until timestamptz, by_whom text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
DECLARE
    there account%ROWTYPE;
BEGIN
    SELECT * INTO there FROM account a WHERE a.id = who AND a.active;
    IF NOT FOUND OR NOT (session_user = 'lapel_owner' OR (administers(there.agency) AND who <> acting_account())) THEN
        RETURN false;
    END IF;
    -- The one before opens nothing any more.
    UPDATE sign_in_link l SET used_at = at WHERE l.account = who AND l.used_at IS NULL;
    INSERT INTO sign_in_link (token_hash, agencies, made_at, made_by, ends_at, account)
        VALUES (token, ARRAY[there.agency], at, by_whom, until, who);
    RETURN true;
END $$;

DROP FUNCTION link_read(bytea, timestamptz);
CREATE FUNCTION link_read(token bytea, at timestamptz) RETURNS TABLE (agencies text[], made_by text, account text, name text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
    SELECT l.agencies, l.made_by, l.account::text, a.name FROM sign_in_link l LEFT JOIN account a ON a.id = l.account
     WHERE l.token_hash = token AND l.used_at IS NULL AND l.ends_at > at AND (l.account IS NULL OR a.active)
$$;

-- Uses such a link up: the account has this password, every session of it is over, and it is not locked. No row: used.
CREATE FUNCTION link_set_password(token bytea, at timestamptz, new_password text) RETURNS TABLE (account text, agency text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
DECLARE
    used sign_in_link%ROWTYPE;
BEGIN
    UPDATE sign_in_link l SET used_at = at
        WHERE l.token_hash = token AND l.account IS NOT NULL AND l.used_at IS NULL AND l.ends_at > at RETURNING l.* INTO used;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    UPDATE session s SET ended_at = at, ended_by = 'account:' || used.account
        WHERE s.account = used.account AND s.ended_at IS NULL AND s.method <> 'token';
    RETURN QUERY UPDATE account a SET password = new_password, attempts = '{}', locked_until = NULL
        WHERE a.id = used.account AND a.active RETURNING a.id::text, a.agency;
END $$;

-- A link for an account makes no other one.
CREATE OR REPLACE FUNCTION link_use(token bytea, at timestamptz, new_id hex_id, new_name text, new_key text, new_password text)
    RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
DECLARE
    used sign_in_link%ROWTYPE;
BEGIN
    UPDATE sign_in_link l SET used_at = at
        WHERE l.token_hash = token AND l.account IS NULL AND l.used_at IS NULL AND l.ends_at > at RETURNING l.* INTO used;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO account (id, agency, name, name_key, password, made_at, made_by)
        VALUES (new_id, used.agencies[1], new_name, new_key, new_password, at, used.made_by);
    INSERT INTO account_grant (account, agency, permission, given_at, given_by)
        SELECT new_id, a, p, at, used.made_by
        FROM unnest(used.agencies) a, unnest(ARRAY['custodian', 'administrator']) p;
    RETURN true;
END $$;

-- --- roles: asked for by one person, approved by another -----------------------------------------------------------------
-- What shows no footage and gives no roles counts at once; everything else waits, whatever the application says.
CREATE POLICY asked_for ON account_grant AS RESTRICTIVE FOR INSERT TO lapel_staff WITH CHECK (
    given_by = current_setting('lapel.actor', true) AND approved_by IS NULL AND ended_at IS NULL
    AND (waiting OR permission IN ('policy', 'outside')));

CREATE FUNCTION account_grant_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL OR (NEW.waiting AND NOT OLD.waiting) THEN
        RAISE EXCEPTION 'account_grant: what ended stays so, and what was approved' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.waiting AND NOT NEW.waiting AND (NEW.approved_by IS DISTINCT FROM current_setting('lapel.actor', true)
                                            OR NEW.approved_by = OLD.given_by) THEN
        RAISE EXCEPTION 'account_grant: a second person approves' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER steps BEFORE UPDATE ON account_grant FOR EACH ROW WHEN (current_user = 'lapel_staff')
    EXECUTE FUNCTION account_grant_steps();

-- Who changes how an account is opened could open it: its roles that take two people wait for a second one again, in every
-- agency. Returns them, as the session tells roles. Who does not administer the account's home agency gets no row.
CREATE FUNCTION roles_wait_again(who hex_id, at timestamptz, by_whom text) RETURNS SETOF text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
DECLARE
    held account_grant%ROWTYPE;
BEGIN
    IF NOT (session_user = 'lapel_owner' OR EXISTS (
        SELECT FROM account a WHERE a.id = who AND administers(a.agency) AND a.id <> acting_account())) THEN
        RETURN;
    END IF;
    FOR held IN SELECT * FROM account_grant g WHERE g.account = who AND g.ended_at IS NULL AND (g.until IS NULL OR g.until > at)
                   AND g.permission NOT IN ('policy', 'outside') ORDER BY g.agency, g.permission, g.office FOR UPDATE LOOP
        UPDATE account_grant g SET ended_at = at, ended_by = by_whom WHERE g.id = held.id;
        INSERT INTO account_grant (account, agency, permission, office, until, waiting, given_at, given_by)
            VALUES (who, held.agency, held.permission, held.office, held.until, true, at, by_whom);
        RETURN NEXT concat_ws(' ', held.agency, held.permission, held.office);
    END LOOP;
END $$;

CREATE INDEX account_grant_waiting ON account_grant (agency, given_at) WHERE waiting AND ended_at IS NULL;

DO $$
DECLARE f text;
BEGIN
    FOREACH f IN ARRAY ARRAY['link_offer', 'link_read', 'link_set_password', 'roles_wait_again'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %I FROM PUBLIC', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %I TO lapel_staff', f);
    END LOOP;
END $$;

-- --- shares with one person from outside: a prosecutor, a defender ------------------------------------------------------
-- No reference to account: a rebuild brings shares back, and accounts not.
ALTER TABLE share ADD to_account hex_id;                         -- null: everybody of to_agency who sees footage there
DO $$
DECLARE c text;
BEGIN
    FOR c IN SELECT conname FROM pg_constraint WHERE conrelid = 'share'::regclass AND contype = 'c'
                AND pg_get_constraintdef(oid) LIKE '%to_agency <> agency%' LOOP
        EXECUTE format('ALTER TABLE share DROP CONSTRAINT %I', c);
    END LOOP;
END $$;
ALTER TABLE share ADD CONSTRAINT share_with_another CHECK ((to_account IS NULL) = (to_agency <> agency));
CREATE INDEX share_with_person ON share (to_account, given_at DESC) WHERE to_account IS NOT NULL;

-- Was it given to an agency in view, or to the account that acts, as long as that is let in as somebody from outside?
CREATE FUNCTION given_to_me(of_agency text, to_agency text, to_account text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
    SELECT CASE WHEN to_account IS NULL THEN in_view(to_agency) ELSE to_account = acting_account() AND EXISTS (
        SELECT FROM account_grant g WHERE g.account = to_account AND g.agency = of_agency AND g.permission = 'outside'
           AND NOT g.waiting AND g.ended_at IS NULL AND (g.until IS NULL OR g.until > statement_timestamp())) END
$$;
REVOKE ALL ON FUNCTION given_to_me FROM PUBLIC;
GRANT EXECUTE ON FUNCTION given_to_me TO lapel_app;

DROP POLICY given_to_us ON share;
CREATE POLICY given_to_us ON share FOR SELECT TO lapel_app USING (given_to_me(agency, to_agency, to_account));
DROP POLICY given_to_us ON saved_search;
CREATE POLICY given_to_us ON saved_search FOR SELECT TO lapel_staff USING (
    EXISTS (SELECT FROM share s WHERE s.search = saved_search.id AND given_to_me(s.agency, s.to_agency, s.to_account)));
DROP POLICY receipts_of_shares ON custody_opening;
CREATE POLICY receipts_of_shares ON custody_opening FOR SELECT TO lapel_staff USING (
    subject LIKE 'share:%'
    AND EXISTS (SELECT FROM share s WHERE s.id = substr(subject, 7) AND given_to_me(s.agency, s.to_agency, s.to_account)));

CREATE OR REPLACE FUNCTION case_is_shared(which text, of_agency text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM share s WHERE s.case_file = which AND (of_agency IS NULL OR s.agency = of_agency)
                      AND given_to_me(s.agency, s.to_agency, s.to_account)
                      AND s.revoked_at IS NULL AND s.expires_at > statement_timestamp())
$$;

CREATE OR REPLACE FUNCTION shares_of(which text) RETURNS TABLE (share text, acts text[], ends_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp ROWS 2
AS $$
    SELECT s.id::text, s.acts, LEAST(s.expires_at, s.revoked_at)
      FROM share s JOIN recording r ON r.id = s.recording AND r.agency = s.agency
     WHERE s.recording = which AND given_to_me(s.agency, s.to_agency, s.to_account)
    UNION ALL
    SELECT s.id::text, s.acts, LEAST(s.expires_at, s.revoked_at, c.removed_at)
      FROM case_recording c JOIN share s ON s.case_file = c.case_file AND s.agency = c.agency
      JOIN recording r ON r.id = c.recording AND r.agency = c.agency
     WHERE c.recording = which AND given_to_me(s.agency, s.to_agency, s.to_account)
       AND c.added_at < LEAST(s.expires_at, s.revoked_at)
    UNION ALL
    SELECT s.id::text, s.acts, LEAST(s.expires_at, s.revoked_at)
      FROM recording r JOIN share s ON s.agency = r.agency AND s.search IS NOT NULL
      JOIN saved_search q ON q.id = s.search AND q.agency = s.agency
     WHERE r.id = which AND given_to_me(s.agency, s.to_agency, s.to_account)
       AND r.announced_at < LEAST(s.expires_at, s.revoked_at) AND search_fits(q, r)
$$;

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
     WHERE s.id = which AND given_to_me(s.agency, s.to_agency, s.to_account)
       AND s.revoked_at IS NULL AND s.expires_at > statement_timestamp() AND NOT r.restricted
     ORDER BY COALESCE(r.started_at, r.announced_at) DESC, r.id DESC LIMIT at_most
$$;
