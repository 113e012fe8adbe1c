-- What recovery, retries and cancellation need. Expands only: workers of the version before go on beside it.

-- AlterTable. A retired incarnation takes no more work, though its lease lives; what is SETTLED under it awaits recovery.
-- "claim_epoch" shuts out claims of its own whose answer was lost and that may be carried out late.
ALTER TABLE "workers" ADD COLUMN "retired" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN "claim_epoch" INTEGER NOT NULL DEFAULT 0;

-- AlterTable. "attempt" is the base of the numbering; "unknown_count" counts calls of owners that died; "retry" is the retry
-- under which a row is claimed or waits, "next_retry" what marking a SETTLED row makes of it (null: PUBLISHED); "attempts" are
-- those of the tries before, as JSON.
ALTER TABLE "request_ledger" ADD COLUMN "unknown_count" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN "retry" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN "next_retry" INTEGER,
ADD COLUMN "attempts" TEXT;

-- CreateTable. Wishes to cancel, also of requests that nobody has seen yet.
CREATE TABLE "request_cancellations" (
    "tenant" TEXT COLLATE "C" NOT NULL,
    "request_id" TEXT COLLATE "C" NOT NULL,
    "reason" TEXT,
    "requested_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "request_cancellations_pkey" PRIMARY KEY ("tenant","request_id")
);

-- CreateIndex. For forgetting the old.
CREATE INDEX "request_cancellations_requested_at_idx" ON "request_cancellations"("requested_at");
