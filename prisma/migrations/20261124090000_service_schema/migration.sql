-- Which workers this database still serves. A contract migration raises the number in the same transaction in which it takes
-- something away; workers whose own number is lower refuse to start (src/registry/schema-range.ts).

-- CreateTable. One row: its key can only be true.
CREATE TABLE "service_schema" (
    "singleton" BOOLEAN NOT NULL DEFAULT true,
    "min_worker_version" INTEGER NOT NULL,

    CONSTRAINT "service_schema_pkey" PRIMARY KEY ("singleton"),
    CONSTRAINT "service_schema_singleton" CHECK ("singleton")
);

INSERT INTO "service_schema" ("min_worker_version") VALUES (1);
