-- Why was a camera off, who looks at what was recorded, what should be here and is not, and what is done with what
-- should not have been recorded? Duties and findings are the room `activation`'s (0016); here they are named by their ids.

-- A reason why a duty was not met. The officer enters it, somebody else decides it, and both are in the custody log.
CREATE TABLE activation_exception (
    id              hex_id PRIMARY KEY,
    agency          text NOT NULL REFERENCES agency,
    officer         hex_id NOT NULL REFERENCES officer,
    duty            text CHECK (length(duty) BETWEEN 1 AND 100),   -- null: of a time, not of one duty
    reason          text NOT NULL CHECK (reason IN ('safety', 'request', 'equipment', 'order', 'sensitive', 'place', 'emergency', 'pause')),
    clause          text NOT NULL CHECK (length(clause) BETWEEN 3 AND 100),  -- policy:clause, what allows it
    clause_version  date NOT NULL,                   -- the version of that policy in force on the day
    clause_sha256   text NOT NULL CHECK (clause_sha256 ~ '^[0-9a-f]{64}$'),
    begins_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    words           text NOT NULL CHECK (length(words) BETWEEN 1 AND 4000),
    entered_by      text NOT NULL,
    entered_at      timestamptz NOT NULL,
    entry           hex_id NOT NULL,                 -- the custody entry of its being entered
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'granted', 'refused', 'withdrawn')),
    decided_by      text,
    decided_at      timestamptz,
    decision        text NOT NULL DEFAULT '' CHECK (length(decision) <= 4000),
    decision_entry  hex_id,
    CHECK (begins_at < ends_at),
    CHECK ((state = 'waiting') = (decided_by IS NULL) AND (state = 'waiting') = (decided_at IS NULL)),
    CHECK (state IN ('waiting', 'withdrawn') OR decided_by <> entered_by)
);
CREATE INDEX activation_exception_waiting ON activation_exception (agency, entered_at) WHERE state = 'waiting';
CREATE INDEX activation_exception_newest ON activation_exception (agency, entered_at DESC, id DESC);
CREATE INDEX activation_exception_of ON activation_exception (officer, begins_at);

-- Who is looked at this time? The population is logged, then the seed is waited for; both are kept, so that anybody can
-- draw again (docs/formats/review-sample.md). One population for each supervisor and period, for ever.
CREATE TABLE review_draw (
    id          hex_id PRIMARY KEY,
    agency      text NOT NULL REFERENCES agency,
    supervisor  hex_id REFERENCES officer,           -- null: of officers who have no supervisor
    begins_on   date NOT NULL,
    ends_on     date NOT NULL,                       -- the first day no longer in the period
    population  text NOT NULL,                       -- canonical JSON, as it was logged, to the byte
    sha256      text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    logged_at   timestamptz NOT NULL,
    entry       hex_id NOT NULL,
    log_size    bigint,                              -- the checkpoint whose root is the seed
    seed        text CHECK (seed ~ '^[0-9a-f]{64}$'),
    drawn_at    timestamptz,
    CHECK (begins_on < ends_on),
    CHECK ((seed IS NULL) = (drawn_at IS NULL) AND (seed IS NULL) = (log_size IS NULL)),
    UNIQUE NULLS NOT DISTINCT (agency, supervisor, begins_on, ends_on)
);
CREATE INDEX review_draw_open ON review_draw (agency) WHERE seed IS NULL;

CREATE TABLE review (
    id          hex_id PRIMARY KEY,
    agency      text NOT NULL REFERENCES agency,
    draw        hex_id NOT NULL REFERENCES review_draw,
    place       integer NOT NULL,                    -- 0, 1, 2 … in the order they were drawn
    supervisor  hex_id REFERENCES officer,
    officer     hex_id NOT NULL REFERENCES officer,
    recording   hex_id NOT NULL REFERENCES recording,
    why         text NOT NULL CHECK (why IN ('due', 'drawn')),
    due_at      timestamptz NOT NULL,
    outcome     text CHECK (outcome IN ('in_order', 'commended', 'late_or_short', 'training', 'equipment', 'category', 'policy', 'referred', 'not_viewable')),
    words       text NOT NULL DEFAULT '' CHECK (length(words) <= 4000),
    done_by     text,
    done_at     timestamptz,
    entry       hex_id,
    CHECK ((outcome IS NULL) = (done_by IS NULL) AND (outcome IS NULL) = (done_at IS NULL)),
    UNIQUE (draw, place)
);
CREATE INDEX review_open ON review (agency, due_at, id) WHERE outcome IS NULL;
CREATE INDEX review_officer ON review (officer);
CREATE INDEX review_recording ON review (recording);

-- Footage that should exist and does not: what is found is found anew each time; what somebody did about it is kept,
-- under the name that the same gap has each time it is found.
CREATE TABLE footage_gap (
    id          hex_id PRIMARY KEY,
    agency      text NOT NULL REFERENCES agency,
    name        text NOT NULL CHECK (length(name) BETWEEN 3 AND 200),
    kind        text NOT NULL CHECK (kind IN ('not_docked', 'not_delivered', 'sequence', 'wearer')),
    outcome     text NOT NULL CHECK (outcome IN ('lost_camera', 'in_repair', 'footage_lost', 'never_recorded', 'counter_restarted', 'delivered_elsewhere', 'cannot_be_known')),
    words       text NOT NULL CHECK (length(words) BETWEEN 1 AND 4000),
    done_by     text NOT NULL,
    done_at     timestamptz NOT NULL,
    entry       hex_id NOT NULL,
    UNIQUE (agency, name)
);

-- What becomes of a recording that was made though it was forbidden. The last decision counts; none is ever changed.
CREATE TABLE forbidden_decision (
    id          hex_id PRIMARY KEY,
    agency      text NOT NULL REFERENCES agency,
    recording   hex_id NOT NULL REFERENCES recording,
    duty        text NOT NULL CHECK (length(duty) BETWEEN 1 AND 100),
    decision    text NOT NULL CHECK (decision IN ('evidence', 'complaint', 'dispose', 'allowed')),
    words       text NOT NULL CHECK (length(words) BETWEEN 1 AND 4000),
    decided_by  text NOT NULL,
    decided_at  timestamptz NOT NULL,
    entry       hex_id NOT NULL
);
CREATE INDEX forbidden_decision_of ON forbidden_decision (recording, decided_at DESC);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['activation_exception', 'review_draw', 'review', 'footage_gap', 'forbidden_decision'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own ON %I TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency))', t);
        EXECUTE format('CREATE POLICY rebuild ON %I TO lapel_owner USING (true) WITH CHECK (true)', t);
    END LOOP;
END $$;

GRANT SELECT ON activation_exception, review_draw, review, footage_gap, forbidden_decision TO lapel_staff, lapel_worker;
GRANT INSERT ON activation_exception, footage_gap, forbidden_decision TO lapel_staff;
GRANT INSERT ON review_draw, review TO lapel_staff, lapel_worker;
GRANT UPDATE (state, decided_by, decided_at, decision, decision_entry) ON activation_exception TO lapel_staff;
GRANT UPDATE (log_size, seed, drawn_at) ON review_draw TO lapel_staff, lapel_worker;
GRANT UPDATE (outcome, words, done_by, done_at, entry) ON review TO lapel_staff;
