-- Who wears a camera, and which cameras are there? The minimum that an intake needs; the rooms grow later.

CREATE TABLE office (
    id      hex_id PRIMARY KEY,
    agency  text NOT NULL REFERENCES agency,
    name    text NOT NULL,
    UNIQUE (agency, name)
);

CREATE TABLE officer (
    id           hex_id PRIMARY KEY,
    agency       text NOT NULL REFERENCES agency,
    office       hex_id REFERENCES office,
    badge        text,                     -- null until somebody says who this is
    external_id  text,                     -- what the camera system calls the wearer
    name         text,
    active       boolean NOT NULL DEFAULT true,
    known        boolean NOT NULL,         -- false: seen on footage only, nobody has confirmed it
    seen_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (agency, badge),
    UNIQUE (agency, external_id)
);

CREATE TABLE camera (
    id            hex_id PRIMARY KEY,
    agency        text NOT NULL REFERENCES agency,
    serial        text NOT NULL,
    maker         text,
    model         text,
    firmware      text,
    name          text,
    active        boolean NOT NULL DEFAULT true,
    known         boolean NOT NULL,
    last_seen_at  timestamptz NOT NULL DEFAULT now(),
    clock_off_s   integer,                 -- how far the camera's clock was off when last seen; never applied to footage
    UNIQUE (agency, serial)
);

ALTER TABLE office  ENABLE ROW LEVEL SECURITY;  ALTER TABLE office  FORCE ROW LEVEL SECURITY;
ALTER TABLE officer ENABLE ROW LEVEL SECURITY;  ALTER TABLE officer FORCE ROW LEVEL SECURITY;
ALTER TABLE camera  ENABLE ROW LEVEL SECURITY;  ALTER TABLE camera  FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON office  TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency));
CREATE POLICY own ON officer TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency));
CREATE POLICY own ON camera  TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency));
GRANT SELECT, INSERT, UPDATE ON office, officer, camera TO lapel_app;
