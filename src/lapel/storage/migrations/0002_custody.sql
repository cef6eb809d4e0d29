-- What was done, to what, by whom, and can it be shown that nobody changed the record since?
-- custody_entry and custody_leaf are the log; custody_opening is what can be shown of it and, field by field, forgotten.
-- What is insert-only is so by privileges (nobody is granted more) and by triggers (which bind the owner too).

-- Ids and subjects are compared byte by byte (COLLATE "C"): they are no words of a language, and it is several times faster.

CREATE FUNCTION custody_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'custody log: % of % is refused, it is only ever added to', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

-- A subject's key makes the public tags of its entries; who holds it can find them all. The first agency that acts on a
-- subject owns the row.
CREATE TABLE custody_subject (
    subject  text COLLATE "C" PRIMARY KEY,
    agency   text NOT NULL,                -- an agency's id, or 'department' for what is the department's own
    key      bytea NOT NULL CHECK (length(key) = 32)
);

-- The form of an entry's id is checked here, once: the other tables take twelve thousand a second, too.
CREATE TABLE custody_entry (
    id          hex_id COLLATE "C" PRIMARY KEY,
    commitment  bytea NOT NULL UNIQUE CHECK (length(commitment) = 32)
);

-- One row per entry (docs/decisions/0005): openings is {field: [salt as hex, value], …}, its text exactly as written;
-- of a forgotten field the commitment is left, {field: digest as hex}, which says nothing but keeps the rest provable.
-- subject becomes null when the field is forgotten.
CREATE TABLE custody_opening (
    entry     text COLLATE "C" PRIMARY KEY,
    agency    text NOT NULL,
    subject   text COLLATE "C",
    openings  json NOT NULL
);
CREATE INDEX custody_opening_subject ON custody_opening (subject);

-- What the sequencer has still to take up, in the order it was written. Rows come and go all day.
CREATE TABLE custody_pending (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry       text COLLATE "C" NOT NULL,
    subject     text COLLATE "C" NOT NULL,
    first       boolean NOT NULL,          -- does this entry commit to the subject's key?
    pending_at  timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

CREATE TABLE custody_leaf (
    index  bigint PRIMARY KEY CHECK (index >= 0),
    entry  text COLLATE "C" NOT NULL UNIQUE,
    tag    bytea NOT NULL CHECK (length(tag) = 16),
    n      bigint NOT NULL CHECK (n > 0)   -- the subject's n-th entry
);

-- How many entries of a subject are in the log; only the sequencer counts.
CREATE TABLE custody_count (
    subject  text COLLATE "C" PRIMARY KEY,
    n        bigint NOT NULL CHECK (n > 0)
) WITH (fillfactor = 80);

-- The log after each batch: its size, its root, and the right edge of its tree, from which it goes on.
CREATE TABLE custody_batch (
    size        bigint PRIMARY KEY CHECK (size > 0),
    root        bytea NOT NULL CHECK (length(root) = 32),
    frontier    bytea NOT NULL,
    batched_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The hash of each full tile: what the tiles of the levels above level 0 are made of.
CREATE TABLE custody_node (
    level  smallint NOT NULL CHECK (level > 0),
    index  bigint NOT NULL,
    hash   bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, index)
);

-- Stretches [first, last] of the log whose openings lie in log-private/. While they are being written, custody_sealing
-- holds the secret their keys come from, so that a repetition writes the same bytes; then that row is deleted.
CREATE TABLE custody_sealed (
    first  bigint PRIMARY KEY,
    last   bigint NOT NULL CHECK (last >= first)
);
CREATE TABLE custody_sealing (
    first   bigint PRIMARY KEY,
    last    bigint NOT NULL CHECK (last >= first),
    secret  bytea NOT NULL CHECK (length(secret) = 32)
);

-- One text per size, for ever: (size, root) is committed before a signature is asked for.
CREATE TABLE custody_checkpoint (
    size     bigint PRIMARY KEY CHECK (size >= 0),
    root     bytea NOT NULL CHECK (length(root) = 32),
    made_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE custody_signature (
    size       bigint NOT NULL REFERENCES custody_checkpoint,
    line       text NOT NULL,              -- the whole signature line, without its newline
    signed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (size, line)
);
CREATE TABLE custody_publication (
    size          bigint PRIMARY KEY REFERENCES custody_checkpoint,
    published_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Which sequencer may commit. A number that rises with each start; checked in each transaction.
CREATE TABLE custody_epoch (
    only_one  boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    epoch     bigint NOT NULL
);
INSERT INTO custody_epoch (epoch) VALUES (0);

-- A hold, an open request: while a subject has a row nothing of it is forgotten. Written by the room that keeps holds.
CREATE TABLE custody_lock (
    subject  text COLLATE "C" NOT NULL,
    agency   text NOT NULL,
    reason   text NOT NULL,
    PRIMARY KEY (subject, reason)
);

-- What was forgotten, and by which entry; `destroyed_at` is set when the entry's key in log-keys/ is gone too.
CREATE TABLE custody_forgotten (
    entry         hex_id COLLATE "C" NOT NULL,
    agency        text NOT NULL,
    fields        text[] NOT NULL,
    said_by       hex_id COLLATE "C" NOT NULL,         -- the `forgotten` entry; zeros where a rebuild found only that it was
    key_digest    text,                    -- when the subject was forgotten: whose count the entry still belongs to
    destroyed_at  timestamptz,
    PRIMARY KEY (entry, said_by)
);
CREATE INDEX custody_forgotten_open ON custody_forgotten (entry) WHERE destroyed_at IS NULL;

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['custody_subject', 'custody_entry', 'custody_leaf', 'custody_batch', 'custody_node',
                             'custody_sealed', 'custody_checkpoint', 'custody_signature', 'custody_publication'] LOOP
        EXECUTE format('CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION custody_refuse()', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['custody_subject', 'custody_entry', 'custody_leaf', 'custody_batch', 'custody_node',
                             'custody_sealed', 'custody_checkpoint', 'custody_signature', 'custody_publication',
                             'custody_opening', 'custody_count', 'custody_forgotten', 'custody_epoch'] LOOP
        EXECUTE format('CREATE TRIGGER never_emptied BEFORE TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION custody_refuse()', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['custody_opening', 'custody_count', 'custody_forgotten', 'custody_epoch'] LOOP
        EXECUTE format('CREATE TRIGGER never_deleted BEFORE DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION custody_refuse()', t);
    END LOOP;
END $$;

-- SHA-256(salt || canonical JSON of the value), from an opening [salt, value] whose text is as it was written.
CREATE FUNCTION custody_closed(opening json) RETURNS json LANGUAGE sql IMMUTABLE AS $$
    SELECT to_json(encode(sha256(decode(opening ->> 0, 'hex') || convert_to((opening -> 1)::text, 'UTF8')), 'hex'))
$$;

-- An opening may only be closed field by field, and only those fields that a row of custody_forgotten names.
CREATE FUNCTION custody_only_forgets() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = lapel, pg_temp AS $$
DECLARE allowed text[];
BEGIN
    SELECT COALESCE(array_agg(f), '{}') INTO allowed
      FROM custody_forgotten c, unnest(c.fields) f WHERE c.entry = OLD.entry;
    IF NEW.entry <> OLD.entry OR NEW.agency <> OLD.agency
       OR (NEW.subject IS DISTINCT FROM OLD.subject AND NOT (NEW.subject IS NULL AND 'subject' = ANY (allowed)))
       OR EXISTS (SELECT FROM json_each(OLD.openings) o FULL JOIN json_each(NEW.openings) n ON n.key = o.key
                   WHERE o.key IS NULL OR n.key IS NULL
                      OR (n.value::text <> o.value::text
                          AND NOT (o.key = ANY (allowed) AND json_typeof(o.value) = 'array'
                                   AND n.value::text = custody_closed(o.value)::text)))
    THEN
        RAISE EXCEPTION 'custody log: what was logged can be forgotten in due form, but never changed'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER only_forgotten BEFORE UPDATE ON custody_opening
    FOR EACH ROW EXECUTE FUNCTION custody_only_forgets();

CREATE FUNCTION custody_only_destroys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.entry, NEW.agency, NEW.fields, NEW.said_by, NEW.key_digest)
          IS DISTINCT FROM (OLD.entry, OLD.agency, OLD.fields, OLD.said_by, OLD.key_digest)
       OR OLD.destroyed_at IS NOT NULL THEN
        RAISE EXCEPTION 'custody log: what was forgotten stays so' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER only_destroyed BEFORE UPDATE ON custody_forgotten
    FOR EACH ROW EXECUTE FUNCTION custody_only_destroys();

CREATE FUNCTION custody_only_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.n > OLD.n AND NEW.subject = OLD.subject THEN RETURN NEW; END IF;
    RAISE EXCEPTION 'custody log: a count only rises' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER only_rises BEFORE UPDATE ON custody_count FOR EACH ROW EXECUTE FUNCTION custody_only_counts();

CREATE FUNCTION custody_only_next() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.epoch > OLD.epoch THEN RETURN NEW; END IF;
    RAISE EXCEPTION 'custody log: the epoch only rises' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER only_rises BEFORE UPDATE ON custody_epoch FOR EACH ROW EXECUTE FUNCTION custody_only_next();

-- Close these fields of one entry. Only for the function below, and for a rebuild that repeats what was forgotten before.
CREATE FUNCTION custody_close(saw custody_opening, names text[], by_entry text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE gone text[];
BEGIN
    SELECT array_agg(key) INTO gone FROM json_each(saw.openings)
     WHERE key = ANY (names) AND json_typeof(value) = 'array';
    IF gone IS NULL THEN RETURN false; END IF;
    INSERT INTO custody_forgotten (entry, agency, fields, said_by, key_digest) VALUES (saw.entry, saw.agency, gone, by_entry,
        CASE WHEN 'subject' = ANY (gone)
             THEN (SELECT encode(sha256(s.key), 'hex') FROM custody_subject s WHERE s.subject = saw.subject) END);
    UPDATE custody_opening o SET
        openings = (SELECT json_object_agg(key, CASE WHEN key = ANY (gone) THEN custody_closed(value) ELSE value END
                                           ORDER BY key COLLATE "C") FROM json_each(saw.openings)),
        subject = CASE WHEN 'subject' = ANY (gone) THEN NULL ELSE o.subject END
     WHERE o.entry = saw.entry;
    RETURN true;
END $$;
REVOKE ALL ON FUNCTION custody_close(custody_opening, text[], text) FROM PUBLIC;

-- Forget what the entry `by_entry` says. It names one account that acts and another that approves, and serves once: so
-- nothing is forgotten without an entry that says what, by whom and by what right. The subject of a subject's first
-- entry stays: the key of all the others is found by it.
CREATE FUNCTION custody_forget(by_entry text) RETURNS SETOF text LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = lapel, pg_temp AS $$
DECLARE said json; saw custody_opening; place custody_leaf; one text; names text[];
BEGIN
    SELECT o.openings INTO said FROM custody_opening o
     WHERE o.entry = by_entry AND in_view(o.agency) AND o.openings #>> '{act,1}' = 'forgotten'
       AND NOT EXISTS (SELECT FROM custody_forgotten f WHERE f.said_by = by_entry);
    IF said IS NULL THEN
        RAISE EXCEPTION 'forget: entry % does not say what is to be forgotten, or has served', by_entry;
    END IF;
    IF NOT COALESCE((said #>> '{actor,1}') LIKE 'account:%' AND (said #>> '{approved_by,1}') LIKE 'account:%'
                    AND said #>> '{actor,1}' <> said #>> '{approved_by,1}', false) THEN
        RAISE EXCEPTION 'forget: two different accounts are needed' USING HINT = 'two-accounts';
    END IF;
    IF COALESCE(btrim(said #>> '{authority,1}'), '') = '' THEN
        RAISE EXCEPTION 'forget: an authority is needed' USING HINT = 'authority';
    END IF;
    SELECT array_agg(f) INTO names FROM json_array_elements_text(said #> '{fields,1}') f;
    FOR one IN SELECT json_array_elements_text(said #> '{entries,1}') LOOP
        SELECT * INTO saw FROM custody_opening o WHERE o.entry = one AND in_view(o.agency) FOR UPDATE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'forget: no such entry %', one USING HINT = 'no-entry';
        END IF;
        IF EXISTS (SELECT FROM custody_lock l WHERE l.subject = saw.subject) THEN
            RAISE EXCEPTION 'forget: % is held', saw.subject USING HINT = 'held';
        END IF;
        SELECT l.* INTO place FROM custody_leaf l, custody_sealed s
         WHERE l.entry = saw.entry AND l.index BETWEEN s.first AND s.last;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'forget: entry % is not in the log yet', saw.entry USING HINT = 'not-yet';
        END IF;
        IF EXISTS (SELECT FROM json_each(saw.openings) f WHERE f.key = ANY (names)
                    AND (f.key IN ('at', 'act', 'agency') OR f.value #>> '{1}' ~ '^[0-9a-f]{64}$'
                         OR (f.key = 'subject' AND place.n = 1))) THEN
            RAISE EXCEPTION 'forget: a field is kept for ever' USING HINT = 'kept-field';
        END IF;
        IF custody_close(saw, names, by_entry) THEN RETURN NEXT saw.entry; END IF;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION custody_forget(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION custody_only_forgets() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION custody_forget(text) TO lapel_staff, lapel_worker;

ALTER TABLE custody_subject   ENABLE ROW LEVEL SECURITY;  ALTER TABLE custody_subject   FORCE ROW LEVEL SECURITY;
ALTER TABLE custody_opening   ENABLE ROW LEVEL SECURITY;  ALTER TABLE custody_opening   FORCE ROW LEVEL SECURITY;
ALTER TABLE custody_lock      ENABLE ROW LEVEL SECURITY;  ALTER TABLE custody_lock      FORCE ROW LEVEL SECURITY;
ALTER TABLE custody_forgotten ENABLE ROW LEVEL SECURITY;  ALTER TABLE custody_forgotten FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON custody_subject   TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency));
CREATE POLICY own ON custody_opening   TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency));
CREATE POLICY own ON custody_lock      TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency));
CREATE POLICY own ON custody_forgotten TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency));
-- The sequencer serves all agencies; the owner's functions and a rebuild cross them.
CREATE POLICY all_of_it ON custody_subject   FOR SELECT TO lapel_sequencer USING (true);
CREATE POLICY all_of_it ON custody_opening   FOR SELECT TO lapel_sequencer USING (true);
CREATE POLICY owner ON custody_subject   TO lapel_owner USING (true) WITH CHECK (true);
CREATE POLICY owner ON custody_opening   TO lapel_owner USING (true) WITH CHECK (true);
CREATE POLICY owner ON custody_lock      TO lapel_owner USING (true) WITH CHECK (true);
CREATE POLICY owner ON custody_forgotten TO lapel_owner USING (true) WITH CHECK (true);

GRANT SELECT, INSERT ON custody_subject, custody_entry, custody_opening TO lapel_app;
GRANT INSERT ON custody_pending TO lapel_app;
-- Which entries wait, but not of whom: a check of the log needs no more.
GRANT SELECT (seq, entry, pending_at) ON custody_pending TO lapel_app;
GRANT SELECT ON custody_leaf, custody_batch, custody_node, custody_sealed, custody_checkpoint,
    custody_signature, custody_publication, custody_lock, custody_forgotten TO lapel_app;
GRANT UPDATE (destroyed_at) ON custody_forgotten TO lapel_staff, lapel_worker;
GRANT SELECT ON custody_subject, custody_entry, custody_opening, custody_pending TO lapel_sequencer;
GRANT DELETE ON custody_pending TO lapel_sequencer;
GRANT SELECT, INSERT ON custody_leaf, custody_batch, custody_node, custody_sealed, custody_checkpoint,
    custody_signature, custody_publication TO lapel_sequencer;
GRANT SELECT, INSERT, DELETE ON custody_sealing TO lapel_sequencer;
GRANT SELECT, INSERT, UPDATE ON custody_count TO lapel_sequencer;
GRANT SELECT ON custody_count TO lapel_app;
GRANT SELECT, UPDATE ON custody_epoch TO lapel_sequencer;
