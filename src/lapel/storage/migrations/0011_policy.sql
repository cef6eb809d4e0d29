-- Which directives were adopted, in every version, and what was proved of them?
-- An adopted directive is a public rule: everybody who is signed in reads those of every agency. Only who acts for an
-- agency, or for the department (agency null), adopts; and nothing that was adopted is ever changed or removed.

CREATE TABLE directive (
    id          hex_id PRIMARY KEY,
    agency      text REFERENCES agency,            -- null: the department's own
    kind        text NOT NULL CHECK (kind IN ('vocabulary', 'department', 'agency', 'order', 'waiver')),
    policy      text NOT NULL,                     -- of a waiver its id
    version     date NOT NULL,                     -- the first day it wants to be in force
    file        text NOT NULL,                     -- what the file was called
    body        text NOT NULL,                     -- as it was signed, to the byte
    sha256      text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    adopted_on  date NOT NULL,                     -- in force from this day, or from its version if that is later
    adopted_by  text NOT NULL,
    waiver      hex_id REFERENCES directive,       -- what excused its adoption
    entered_at  timestamptz NOT NULL,              -- when it was put on record
    entry       hex_id NOT NULL,                   -- the custody entry of its adoption
    CHECK ((kind = 'agency') = (agency IS NOT NULL)),
    UNIQUE (kind, policy, version)
);

-- What was proved, of which texts, and when. `inputs` is the digest of everything the verdict depends on.
CREATE TABLE policy_proof (
    id          hex_id PRIMARY KEY,
    agency      text REFERENCES agency,
    policy      text NOT NULL,
    inputs      text NOT NULL CHECK (inputs ~ '^[0-9a-f]{64}$'),
    verdict     jsonb NOT NULL,                    -- interval by interval: checks, counterexamples, notes
    holds       boolean NOT NULL,
    prover      text NOT NULL,
    took_ms     integer NOT NULL,
    proved_at   timestamptz NOT NULL
);
CREATE INDEX policy_proof_latest ON policy_proof (policy, inputs, proved_at DESC);

-- What one version changed against the one before: worked out once.
CREATE TABLE policy_change (
    id          hex_id PRIMARY KEY,
    agency      text REFERENCES agency,
    policy      text NOT NULL,
    old_sha256  text NOT NULL,
    new_sha256  text NOT NULL,
    classes     jsonb NOT NULL,
    compared_at timestamptz NOT NULL
);
CREATE INDEX policy_change_of ON policy_change (old_sha256, new_sha256, compared_at DESC);

-- A draft is no rule. It is proved when it is handed in, only its own agency sees it, and a later one takes its place.
CREATE TABLE policy_draft (
    id          hex_id PRIMARY KEY,
    agency      text NOT NULL REFERENCES agency,
    policy      text NOT NULL UNIQUE,
    version     date NOT NULL,
    file        text NOT NULL,
    body        text NOT NULL,
    sha256      text NOT NULL,
    verdict     jsonb NOT NULL,
    holds       boolean NOT NULL,
    prover      text NOT NULL,
    took_ms     integer NOT NULL,
    handed_by   text NOT NULL,
    handed_at   timestamptz NOT NULL
);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['directive', 'policy_proof', 'policy_change', 'policy_draft'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY rebuild ON %I TO lapel_owner USING (true) WITH CHECK (true)', t);
        IF t <> 'policy_draft' THEN
            EXECUTE format('CREATE POLICY everybody_reads ON %I FOR SELECT TO lapel_app USING (true)', t);
            EXECUTE format('CREATE POLICY own ON %I FOR INSERT TO lapel_app'
                           ' WITH CHECK (in_view(COALESCE(agency, ''department'')))', t);
        END IF;
    END LOOP;
END $$;
CREATE POLICY own ON policy_draft TO lapel_app USING (in_view(agency)) WITH CHECK (in_view(agency));

GRANT SELECT ON directive, policy_proof, policy_change TO lapel_app;
GRANT SELECT, INSERT, DELETE ON policy_draft TO lapel_staff;
GRANT INSERT ON directive TO lapel_staff;
GRANT INSERT ON policy_proof, policy_change TO lapel_staff, lapel_worker;
