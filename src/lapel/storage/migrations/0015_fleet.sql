-- Who belongs where, who supervises whom, who is trained, which cameras are there, and who had which one when?
-- Days are half-open: from_on is the first day, until_on the first day after; null is until further notice.

-- Between an agency and its offices: Border Patrol inside Customs and Border Protection.
CREATE TABLE component (
    id      hex_id PRIMARY KEY,
    agency  text NOT NULL REFERENCES agency,
    name    text NOT NULL,
    UNIQUE (agency, name)
);

ALTER TABLE office
    ADD COLUMN component  hex_id REFERENCES component,
    ADD COLUMN parent     hex_id REFERENCES office,
    ADD COLUMN code       text,                    -- what other systems call it
    ADD CONSTRAINT office_code UNIQUE (agency, code),
    ADD CONSTRAINT office_not_in_itself CHECK (parent <> id);

ALTER TABLE officer
    ADD COLUMN job       text,
    ADD COLUMN hired_on  date,
    ADD COLUMN left_on   date;

CREATE TABLE officer_office (
    id        hex_id PRIMARY KEY,
    agency    text NOT NULL REFERENCES agency,
    officer   hex_id NOT NULL REFERENCES officer,
    office    hex_id NOT NULL REFERENCES office,
    from_on   date NOT NULL,
    until_on  date CHECK (until_on >= from_on),
    UNIQUE (officer, from_on)
);
CREATE INDEX officer_office_of ON officer_office (office);

CREATE TABLE supervision (
    id          hex_id PRIMARY KEY,
    agency      text NOT NULL REFERENCES agency,
    officer     hex_id NOT NULL REFERENCES officer,
    supervisor  hex_id NOT NULL REFERENCES officer CHECK (supervisor <> officer),
    from_on     date NOT NULL,
    until_on    date CHECK (until_on >= from_on),
    UNIQUE (officer, from_on)
);
CREATE INDEX supervision_of ON supervision (supervisor);

CREATE TABLE training (
    id        hex_id PRIMARY KEY,
    agency    text NOT NULL REFERENCES agency,
    officer   hex_id NOT NULL REFERENCES officer,
    course    text NOT NULL DEFAULT 'camera',
    from_on   date NOT NULL,
    until_on  date CHECK (until_on >= from_on),
    UNIQUE (officer, course, from_on)
);

ALTER TABLE camera
    ADD COLUMN status          text CHECK (status IN ('in stock', 'issued', 'in repair', 'lost', 'retired')),  -- null: nobody has said
    ADD COLUMN office          hex_id REFERENCES office,     -- where it is kept
    ADD COLUMN buffer_s        integer CHECK (buffer_s BETWEEN 0 AND 600),  -- what it keeps from before the button; null: nobody has said
    ADD COLUMN last_docked_at  timestamptz,
    ADD COLUMN clock_seen_at   timestamptz;                  -- when clock_off_s was seen

CREATE TABLE camera_status (
    id      hex_id PRIMARY KEY,
    agency  text NOT NULL REFERENCES agency,
    camera  hex_id NOT NULL REFERENCES camera,
    status  text NOT NULL,
    at      timestamptz NOT NULL,
    reason  text NOT NULL,
    by      text NOT NULL
);
CREATE INDEX camera_status_of ON camera_status (camera, at);

-- Who had which camera when. A span is never changed: what was believed from known_from on is ended by known_until, and
-- another span says what is believed instead. So every answer of the past can be given again.
CREATE TABLE assignment (
    id           hex_id PRIMARY KEY,
    agency       text NOT NULL REFERENCES agency,
    camera       hex_id NOT NULL REFERENCES camera,
    officer      hex_id NOT NULL REFERENCES officer,
    begins_at    timestamptz NOT NULL,
    ends_at      timestamptz CHECK (ends_at >= begins_at),   -- null: until further notice
    known_from   timestamptz NOT NULL,
    known_until  timestamptz CHECK (known_until >= known_from),
    reason       text NOT NULL,
    by           text NOT NULL,
    replaces     hex_id REFERENCES assignment
);
CREATE INDEX assignment_camera ON assignment (camera, begins_at);
CREATE INDEX assignment_officer ON assignment (officer, begins_at);
CREATE INDEX assignment_believed ON assignment (agency, begins_at) WHERE known_until IS NULL;

CREATE FUNCTION assignment_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.camera, OLD.officer, OLD.begins_at, OLD.known_from) IS DISTINCT FROM (NEW.camera, NEW.officer, NEW.begins_at, NEW.known_from)
       OR OLD.ends_at IS DISTINCT FROM NEW.ends_at OR (OLD.known_until IS NOT NULL AND OLD.known_until IS DISTINCT FROM NEW.known_until) THEN
        RAISE EXCEPTION 'What was believed of an assignment is never changed.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER assignment_stays BEFORE UPDATE ON assignment FOR EACH ROW EXECUTE FUNCTION assignment_stays();

-- Before a shift: does the camera start, record, and show the right time?
CREATE TABLE camera_check (
    id       hex_id PRIMARY KEY,
    agency   text NOT NULL REFERENCES agency,
    camera   hex_id NOT NULL REFERENCES camera,
    officer  hex_id REFERENCES officer,
    at       timestamptz NOT NULL,
    sound    boolean NOT NULL,
    says     text NOT NULL DEFAULT '',
    by       text NOT NULL
);
CREATE INDEX camera_check_of ON camera_check (camera, at);

-- The plan that is adopted: which offices are to have cameras from which quarter on.
CREATE TABLE deployment_plan (
    id             hex_id PRIMARY KEY,
    agency         text NOT NULL REFERENCES agency,
    sha256         text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),   -- of plan.json: the same in every agency of one plan
    quarters       jsonb NOT NULL,                 -- {"quarters": [{"quarter": …, "begins_on": …, "officers": …, "duty_hours": …}, …], …}
    adopted_at     timestamptz NOT NULL,
    adopted_by     text NOT NULL,
    superseded_at  timestamptz
);
CREATE UNIQUE INDEX deployment_plan_in_force ON deployment_plan (agency) WHERE superseded_at IS NULL;

CREATE TABLE deployment (
    id        hex_id PRIMARY KEY,
    agency    text NOT NULL REFERENCES agency,
    plan      hex_id NOT NULL REFERENCES deployment_plan,
    office    hex_id NOT NULL REFERENCES office,
    from_on   date NOT NULL,
    until_on  date CHECK (until_on >= from_on),
    cameras   integer NOT NULL CHECK (cameras >= 0),
    officers  integer NOT NULL CHECK (officers >= 0),
    UNIQUE (plan, office)
);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['component', 'officer_office', 'supervision', 'training', 'camera_status', 'assignment',
                             'camera_check', 'deployment_plan', 'deployment'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own ON %I TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency))', t);
        EXECUTE format('CREATE POLICY rebuild ON %I TO lapel_owner USING (true) WITH CHECK (true)', t);
        EXECUTE format('GRANT SELECT ON %I TO lapel_app', t);
        EXECUTE format('GRANT INSERT ON %I TO lapel_staff', t);
    END LOOP;
END $$;
GRANT UPDATE (office, until_on) ON officer_office TO lapel_staff;
GRANT UPDATE (supervisor, until_on) ON supervision TO lapel_staff;
GRANT UPDATE (until_on) ON training TO lapel_staff;
GRANT UPDATE (known_until) ON assignment TO lapel_staff;
GRANT UPDATE (superseded_at) ON deployment_plan TO lapel_staff;
