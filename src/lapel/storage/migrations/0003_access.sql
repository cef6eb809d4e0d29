-- Who is asking? Accounts, what they may do, and the sessions they are in.
-- Before there is a session nobody's agency is known, so the functions at the end cross agencies, each for one question.

CREATE TABLE account (
    id            hex_id PRIMARY KEY,
    agency        text NOT NULL REFERENCES agency,     -- home: the custody entries about the account belong to it
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    name_key      text NOT NULL UNIQUE,                -- the name as sign-in compares it: NFKC, case folded
    password      text NOT NULL,                       -- argon2id, encoded with its parameters
    active        boolean NOT NULL DEFAULT true,
    made_at       timestamptz NOT NULL,
    made_by       text NOT NULL,
    attempts      timestamptz[] NOT NULL DEFAULT '{}', -- attempts since the last success, of the last 15 minutes
    locked_until  timestamptz
);

CREATE TABLE account_grant (
    account     hex_id NOT NULL REFERENCES account,
    agency      text NOT NULL REFERENCES agency,
    permission  text NOT NULL CHECK (permission IN ('custodian', 'administrator')),
    given_at    timestamptz NOT NULL,
    given_by    text NOT NULL,
    PRIMARY KEY (account, agency, permission)
);

-- A token is known to its holder only; here is its SHA-256.
CREATE TABLE session (
    token_hash      bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    account         hex_id NOT NULL REFERENCES account,
    source          text NOT NULL,
    opened_at       timestamptz NOT NULL,
    seen_at         timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    ended_at        timestamptz,
    agency_in_view  text REFERENCES agency             -- null: every agency the account has
);
CREATE INDEX session_account ON session (account) WHERE ended_at IS NULL;

CREATE TABLE sign_in_link (
    token_hash  bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    agencies    text[] NOT NULL CHECK (cardinality(agencies) > 0),
    made_at     timestamptz NOT NULL,
    made_by     text NOT NULL,
    ends_at     timestamptz NOT NULL,
    used_at     timestamptz
);

-- Failures of people who are nobody yet: counted per source and minute, one custody entry each when the minute is over.
CREATE TABLE sign_in_failure (
    source   text NOT NULL,
    minute   timestamptz NOT NULL,
    failures integer NOT NULL,
    entered  boolean NOT NULL DEFAULT false,
    PRIMARY KEY (source, minute)
);
CREATE INDEX sign_in_failure_open ON sign_in_failure (minute) WHERE NOT entered;

ALTER TABLE account ENABLE ROW LEVEL SECURITY;        ALTER TABLE account FORCE ROW LEVEL SECURITY;
ALTER TABLE account_grant ENABLE ROW LEVEL SECURITY;  ALTER TABLE account_grant FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON account_grant TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency));
CREATE POLICY own ON account TO lapel_app USING (
    in_view(agency) OR EXISTS (SELECT FROM account_grant g WHERE g.account = account.id AND in_view(g.agency)));
CREATE POLICY owner_signs_in ON account TO lapel_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_signs_in ON account_grant TO lapel_owner USING (true) WITH CHECK (true);
GRANT SELECT (id, agency, name, active, made_at, made_by) ON account TO lapel_staff;
GRANT SELECT ON account_grant TO lapel_staff;

-- One attempt to sign in. It is counted before the password is compared, so that attempts made at the same time cannot
-- slip past the limit; a success takes the count back. No row: nobody has this name. A null password: locked or closed.
CREATE FUNCTION sign_in_begin(wanted text, at timestamptz)
    RETURNS TABLE (account text, agency text, password text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
DECLARE
    there account%ROWTYPE;
    recent timestamptz[];
BEGIN
    SELECT * INTO there FROM account a WHERE a.name_key = wanted FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF NOT there.active OR there.locked_until > at THEN
        RETURN QUERY SELECT there.id::text, there.agency, NULL::text;
        RETURN;
    END IF;
    recent := ARRAY(SELECT t FROM unnest(there.attempts) t WHERE t > at - interval '15 minutes') || at;
    UPDATE account a SET
        attempts = CASE WHEN cardinality(recent) >= 5 THEN '{}' ELSE recent END,
        locked_until = CASE WHEN cardinality(recent) >= 5 THEN at + interval '15 minutes' END
    WHERE a.id = there.id;
    RETURN QUERY SELECT there.id::text, there.agency, there.password;
END $$;

CREATE FUNCTION sign_in_done(who hex_id, token bytea, at timestamptz, until timestamptz, source_is text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
    UPDATE account SET attempts = '{}', locked_until = NULL WHERE id = who;
    INSERT INTO session (token_hash, account, source, opened_at, seen_at, ends_at)
        VALUES (token, who, source_is, at, at, until);
$$;

CREATE FUNCTION sign_in_failed(source_is text, at timestamptz) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
    INSERT INTO sign_in_failure AS f (source, minute, failures) VALUES (source_is, date_trunc('minute', at), 1)
        ON CONFLICT (source, minute) DO UPDATE SET failures = f.failures + 1;
$$;

CREATE FUNCTION sign_in_failures_of(source_is text, since timestamptz) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$ SELECT coalesce(sum(failures), 0) FROM sign_in_failure WHERE source = source_is AND minute > since $$;

-- Takes the minutes that are over, once each: the caller enters them in the custody log in the same transaction.
CREATE FUNCTION sign_in_failures_over(before timestamptz)
    RETURNS TABLE (source text, minute timestamptz, failures integer)
    LANGUAGE sql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
    UPDATE sign_in_failure f SET entered = true WHERE NOT f.entered AND f.minute < date_trunc('minute', before)
        RETURNING f.source, f.minute, f.failures;
$$;

-- The session with this token, if it is alive: not ended, not past its end, and seen within the idle time.
CREATE FUNCTION session_read(token bytea, at timestamptz, idle interval)
    RETURNS TABLE (account text, name text, agency text, agency_in_view text, ends_at timestamptz, grants text[])
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
BEGIN
    -- Written at most once a minute: playing a video asks hundreds of times.
    UPDATE session s SET seen_at = at
        WHERE s.token_hash = token AND s.ended_at IS NULL AND s.ends_at > at AND s.seen_at > at - idle
          AND s.seen_at < at - interval '1 minute';
    RETURN QUERY
        SELECT a.id::text, a.name, a.agency, s.agency_in_view, s.ends_at,
               ARRAY(SELECT g.agency || ' ' || g.permission FROM account_grant g WHERE g.account = a.id ORDER BY 1)
        FROM session s JOIN account a ON a.id = s.account AND a.active
        WHERE s.token_hash = token AND s.ended_at IS NULL AND s.ends_at > at AND s.seen_at > at - idle;
END $$;

CREATE FUNCTION session_end(token bytea, at timestamptz) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$ UPDATE session SET ended_at = at WHERE token_hash = token AND ended_at IS NULL $$;

CREATE FUNCTION session_view(token bytea, wanted text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$ UPDATE session SET agency_in_view = wanted WHERE token_hash = token $$;

CREATE FUNCTION link_read(token bytea, at timestamptz) RETURNS TABLE (agencies text[], made_by text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$ SELECT l.agencies, l.made_by FROM sign_in_link l WHERE l.token_hash = token AND l.used_at IS NULL AND l.ends_at > at $$;

-- Uses a link up and makes the account it stands for, custodian and administrator of the link's agencies; false when
-- the link is used up already. A name that is taken raises unique_violation.
CREATE FUNCTION link_use(token bytea, at timestamptz, new_id hex_id, new_name text, new_key text, new_password text)
    RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
DECLARE
    used sign_in_link%ROWTYPE;
BEGIN
    UPDATE sign_in_link l SET used_at = at WHERE l.token_hash = token AND l.used_at IS NULL AND l.ends_at > at
        RETURNING l.* INTO used;
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

DO $$
DECLARE f text;
BEGIN
    FOREACH f IN ARRAY ARRAY['sign_in_begin', 'sign_in_done', 'sign_in_failed', 'sign_in_failures_of',
                             'sign_in_failures_over', 'session_read', 'session_end', 'session_view', 'link_read', 'link_use'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %I FROM PUBLIC', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %I TO lapel_staff', f);
    END LOOP;
END $$;
