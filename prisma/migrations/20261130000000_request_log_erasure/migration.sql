-- Bodies that are kept as hashes only, or erased later: the hashes stay, and who erased what, when and why. Expands only.
ALTER TABLE "request_log" ADD COLUMN "request_hash" BYTEA,
ADD COLUMN "completion_hash" BYTEA,
ADD COLUMN "erased_at" TIMESTAMPTZ(3),
ADD COLUMN "erased_by" TEXT,
ADD COLUMN "erase_reason" TEXT;
