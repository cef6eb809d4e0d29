-- How do people and programs come in? Sessions that can be listed and ended, passkeys, identities kept elsewhere (a
-- provider's, a certificate's), and tokens for programs. Whatever happens before anybody is known goes through functions
-- that answer one question each, as in 0003.

-- A session has a name that is no secret, belongs to its account's home agency, and knows how it was opened.
ALTER TABLE session ADD id hex_id;
UPDATE session SET id = replace(gen_random_uuid()::text, '-', '');
ALTER TABLE session ALTER id SET NOT NULL;
ALTER TABLE session ADD CONSTRAINT session_id UNIQUE (id);
ALTER TABLE session ADD agency text REFERENCES agency;
UPDATE session s SET agency = a.agency FROM account a WHERE a.id = s.account;
ALTER TABLE session ALTER agency SET NOT NULL;
ALTER TABLE session ADD method text NOT NULL DEFAULT 'password'
    CHECK (method IN ('password', 'passkey', 'oidc', 'certificate', 'link', 'token'));
ALTER TABLE session ADD ended_by text;             -- null: its own end or idleness

-- A passkey's public half. The private one never leaves its holder.
CREATE TABLE passkey (
    id          hex_id PRIMARY KEY,
    agency      text NOT NULL REFERENCES agency,
    account     hex_id NOT NULL REFERENCES account,
    rp          text NOT NULL,                     -- the host name that it is good for
    credential  bytea NOT NULL UNIQUE CHECK (length(credential) BETWEEN 1 AND 1023),
    public_key  bytea NOT NULL,                    -- COSE
    sign_count  bigint NOT NULL,
    synced      boolean NOT NULL,                  -- its holder's devices may share it
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    made_at     timestamptz NOT NULL,
    used_at     timestamptz,
    removed_at  timestamptz
);
CREATE INDEX passkey_account ON passkey (account) WHERE removed_at IS NULL;

-- Whom somebody else vouches for: an OpenID provider (issuer, subject), or the issuer of a client certificate.
CREATE TABLE account_identity (
    id          hex_id PRIMARY KEY,
    agency      text NOT NULL REFERENCES agency,
    account     hex_id NOT NULL REFERENCES account,
    kind        text NOT NULL CHECK (kind IN ('oidc', 'certificate-serial', 'certificate-subject', 'certificate-name')),
    issuer      text NOT NULL CHECK (length(issuer) BETWEEN 1 AND 1000),
    subject     text NOT NULL CHECK (length(subject) BETWEEN 1 AND 1000),
    made_at     timestamptz NOT NULL,
    made_by     text NOT NULL,
    used_at     timestamptz,
    removed_at  timestamptz
);
-- One identity opens one account, or nobody could say who came in.
CREATE UNIQUE INDEX account_identity_one ON account_identity (kind, issuer, subject) WHERE removed_at IS NULL;
CREATE INDEX account_identity_account ON account_identity (account) WHERE removed_at IS NULL;

-- What a program may do with its token: these acts, in these agencies, and never more than the account itself. The token
-- stands in `session`, by a digest that no cookie can have.
CREATE TABLE api_token (
    id          hex_id PRIMARY KEY,
    agency      text NOT NULL REFERENCES agency,
    account     hex_id NOT NULL REFERENCES account,
    session     hex_id NOT NULL UNIQUE REFERENCES session (id),
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    acts        text[] NOT NULL CHECK (cardinality(acts) > 0),
    agencies    text[] NOT NULL CHECK (cardinality(agencies) > 0),
    made_at     timestamptz NOT NULL,
    made_by     text NOT NULL,
    ends_at     timestamptz NOT NULL,
    entered_at  timestamptz,                       -- when a use of it was last entered in the custody log
    revoked_at  timestamptz
);
CREATE INDEX api_token_account ON api_token (account);

-- What has been asked of a browser that nobody knows yet, and is to come back once, from the same browser, soon.
CREATE TABLE sign_in_challenge (
    token_hash  bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    kind        text NOT NULL CHECK (kind IN ('passkey', 'new-passkey', 'oidc')),
    browser     bytea NOT NULL CHECK (length(browser) = 32),
    kept        jsonb NOT NULL DEFAULT '{}',
    ends_at     timestamptz NOT NULL
);
CREATE INDEX sign_in_challenge_over ON sign_in_challenge (ends_at);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['session', 'passkey', 'account_identity', 'api_token'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own ON %I TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency))', t);
        EXECUTE format('CREATE POLICY owner_signs_in ON %I TO lapel_owner USING (true) WITH CHECK (true)', t);
    END LOOP;
END $$;
GRANT SELECT (id, agency, account, source, opened_at, seen_at, ends_at, ended_at, method, ended_by) ON session TO lapel_staff;
GRANT UPDATE (ended_at, ended_by) ON session TO lapel_staff;
GRANT SELECT, INSERT, UPDATE (removed_at) ON passkey, account_identity TO lapel_staff;
GRANT SELECT, UPDATE (revoked_at) ON api_token TO lapel_staff;

-- An attempt by an account that is known already (its passkey, its identity): counted as one with a password is. No row:
-- there is no such account, or it is closed, or it is locked.
CREATE FUNCTION sign_in_begin_as(who text, at timestamptz) RETURNS TABLE (account text, agency text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
DECLARE
    there account%ROWTYPE;
BEGIN
    SELECT * INTO there FROM account a WHERE a.id = who;
    IF FOUND THEN
        RETURN QUERY SELECT b.account, b.agency FROM sign_in_begin(there.name_key, at) b WHERE b.password IS NOT NULL;
    END IF;
END $$;

-- Takes the counted attempts back and opens a session. The one this browser had before is over; of the same person it
-- hands on which agency was in view.
DROP FUNCTION sign_in_done(hex_id, bytea, timestamptz, timestamptz, text);
CREATE FUNCTION session_open(who hex_id, named hex_id, token bytea, at timestamptz, until timestamptz, source_is text,
                             method_is text, before bytea) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
DECLARE
    was session%ROWTYPE;
BEGIN
    UPDATE session s SET ended_at = at, ended_by = 'account:' || who
        WHERE s.token_hash = before AND s.ended_at IS NULL AND s.method <> 'token' RETURNING s.* INTO was;
    UPDATE account SET attempts = '{}', locked_until = NULL WHERE id = who;
    INSERT INTO session (token_hash, id, agency, account, source, method, opened_at, seen_at, ends_at, agency_in_view)
        SELECT token, named, a.agency, who, source_is, method_is, at, at, until,
               CASE WHEN was.account = who THEN was.agency_in_view END
        FROM account a WHERE a.id = who;
END $$;

-- What a session is called, and whose it is when it is locked: not over, but nothing was asked for too long.
CREATE FUNCTION session_named(token bytea) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$ SELECT s.id::text FROM session s WHERE s.token_hash = token $$;

CREATE FUNCTION session_locked(token bytea, at timestamptz, idle interval) RETURNS TABLE (account text, name text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
    SELECT a.id::text, a.name FROM session s JOIN account a ON a.id = s.account AND a.active
     WHERE s.token_hash = token AND s.method <> 'token' AND s.ended_at IS NULL AND s.ends_at > at AND s.seen_at <= at - idle;
$$;

-- How long until it locks or ends. Asking is no use of the session.
CREATE FUNCTION session_left(token bytea, at timestamptz, idle interval) RETURNS TABLE (locks_at timestamptz, ends_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
    SELECT s.seen_at + idle, s.ends_at FROM session s
     WHERE s.token_hash = token AND s.method <> 'token' AND s.ended_at IS NULL AND s.ends_at > at AND s.seen_at > at - idle;
$$;

CREATE FUNCTION challenge_keep(token bytea, kind_is text, browser_is bytea, what jsonb, at timestamptz, until timestamptz)
    RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
    DELETE FROM sign_in_challenge WHERE ends_at <= at;
    INSERT INTO sign_in_challenge (token_hash, kind, browser, kept, ends_at) VALUES (token, kind_is, browser_is, what, until);
$$;

-- Once: what comes back a second time, late, or from another browser finds nothing. It is gone in any case.
CREATE FUNCTION challenge_take(token bytea, kind_is text, browser_is bytea, at timestamptz) RETURNS TABLE (kept jsonb)
    LANGUAGE sql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
    WITH taken AS (DELETE FROM sign_in_challenge c WHERE c.token_hash = token RETURNING c.*)
    SELECT t.kept FROM taken t WHERE t.kind = kind_is AND t.browser = browser_is AND t.ends_at > at;
$$;

CREATE FUNCTION passkey_of(wanted bytea)
    RETURNS TABLE (id text, account text, agency text, rp text, public_key bytea, sign_count bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
    SELECT p.id::text, p.account::text, p.agency, p.rp, p.public_key, p.sign_count
      FROM passkey p WHERE p.credential = wanted AND p.removed_at IS NULL;
$$;

-- False when the counter did not grow: then somebody else has used a copy of it meanwhile.
CREATE FUNCTION passkey_used(which hex_id, count_is bigint, at timestamptz) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
BEGIN
    UPDATE passkey p SET sign_count = count_is, used_at = at
        WHERE p.id = which AND p.removed_at IS NULL AND (p.sign_count < count_is OR (p.sign_count = 0 AND count_is = 0));
    RETURN FOUND;
END $$;

CREATE FUNCTION identity_of(kind_is text, issuer_is text, subject_is text, at timestamptz)
    RETURNS TABLE (id text, account text, agency text)
    LANGUAGE sql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
    UPDATE account_identity i SET used_at = at
        WHERE i.kind = kind_is AND i.issuer = issuer_is AND i.subject = subject_is AND i.removed_at IS NULL
        RETURNING i.id::text, i.account::text, i.agency;
$$;

CREATE FUNCTION token_make(new_id hex_id, named hex_id, token bytea, who hex_id, called text, acts_are text[],
                           agencies_are text[], at timestamptz, until timestamptz, by_whom text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
    INSERT INTO session (token_hash, id, agency, account, source, method, opened_at, seen_at, ends_at)
        SELECT token, named, a.agency, who, 'token', 'token', at, at, until FROM account a WHERE a.id = who AND in_view(a.agency);
    INSERT INTO api_token (id, agency, account, session, name, acts, agencies, made_at, made_by, ends_at)
        SELECT new_id, a.agency, who, named, called, acts_are, agencies_are, at, by_whom, until
        FROM account a WHERE a.id = who AND in_view(a.agency);
$$;

-- What a token may do; `enter`: a use of it is to be entered in the custody log, once a quarter of an hour.
CREATE FUNCTION token_read(token bytea, at timestamptz) RETURNS TABLE (id text, name text, acts text[], agencies text[], enter boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = lapel, pg_temp
AS $$
DECLARE
    there api_token%ROWTYPE;
BEGIN
    SELECT t.* INTO there FROM api_token t JOIN session s ON s.id = t.session
        WHERE s.token_hash = token AND s.method = 'token' AND s.ended_at IS NULL AND t.revoked_at IS NULL AND t.ends_at > at;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    UPDATE api_token t SET entered_at = at
        WHERE t.id = there.id AND (t.entered_at IS NULL OR t.entered_at < at - interval '15 minutes');
    RETURN QUERY SELECT there.id::text, there.name, there.acts, there.agencies, FOUND;
END $$;

DO $$
DECLARE f text;
BEGIN
    FOREACH f IN ARRAY ARRAY['sign_in_begin_as', 'session_open', 'session_named', 'session_locked', 'session_left',
                             'challenge_keep', 'challenge_take', 'passkey_of', 'passkey_used', 'identity_of', 'token_make',
                             'token_read'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %I FROM PUBLIC', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %I TO lapel_staff', f);
    END LOOP;
END $$;
