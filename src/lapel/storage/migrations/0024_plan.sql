-- What came of a pre-shift check in a code, and which files the roster and the list of cameras were told by.

ALTER TABLE camera_check
    ADD COLUMN outcome text NOT NULL DEFAULT 'sound'
        CHECK (outcome IN ('sound', 'does_not_start', 'does_not_record', 'no_picture', 'no_sound', 'clock_wrong', 'battery_low',
                           'damaged', 'no_mount', 'other'));
UPDATE camera_check SET outcome = 'other' WHERE NOT sound;
ALTER TABLE camera_check ADD CONSTRAINT camera_check_is_what_it_says CHECK (sound = (outcome = 'sound'));

-- A file that was taken over: its digests, what changed by it (by table), and how many of its rows were not taken.
CREATE TABLE roster_import (
    id              hex_id PRIMARY KEY,
    agency          text NOT NULL REFERENCES agency,
    what            text NOT NULL CHECK (what IN ('roster', 'cameras')),
    source          text NOT NULL,
    file            text NOT NULL,
    sha256          text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    mapping_sha256  text NOT NULL CHECK (mapping_sha256 ~ '^[0-9a-f]{64}$'),
    counts          jsonb NOT NULL,              -- {"officer": {"added": 3, "changed": 1, "ended": 0}, …}
    rejected        integer NOT NULL,
    at              timestamptz NOT NULL,
    by              text NOT NULL
);
CREATE INDEX roster_import_of ON roster_import (agency, at);
ALTER TABLE roster_import ENABLE ROW LEVEL SECURITY;
ALTER TABLE roster_import FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON roster_import TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency));
CREATE POLICY rebuild ON roster_import TO lapel_owner USING (true) WITH CHECK (true);
GRANT SELECT ON roster_import TO lapel_app;
GRANT INSERT ON roster_import TO lapel_staff;
