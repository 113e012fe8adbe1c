-- How well models do, by day, and what people think of answers. Expands only: workers of the version before go on beside it; what
-- they settle is in the request log and not counted.

-- AlterTable. Confidence in the answer: what the quality of its model is made of.
ALTER TABLE "request_log" ADD COLUMN "confidence" DOUBLE PRECISION;

-- CreateTable. Sums are exact: numbers are decimal, and wide enough that no sum overflows. A busy model's row is updated by every
-- batch of every worker, which hold it until their commit: so each sum is spread over a few slots. Updates touch no indexed
-- column, and the fill factor leaves them room on their page.
CREATE TABLE "model_performance" (
    "model" TEXT COLLATE "C" NOT NULL,
    "task_type" TEXT COLLATE "C" NOT NULL,
    "day" DATE NOT NULL,
    "currency" TEXT COLLATE "C" NOT NULL,
    "slot" SMALLINT NOT NULL,
    "requests" BIGINT NOT NULL,
    "successes" BIGINT NOT NULL,
    "latency_sum_ms" DECIMAL(38,0) NOT NULL,
    "cost_sum" DECIMAL(50,12) NOT NULL,
    "priced" BIGINT NOT NULL,
    "quality_sum" DECIMAL(38,6) NOT NULL,
    "quality_weight" BIGINT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "model_performance_pkey" PRIMARY KEY ("model","task_type","day","currency","slot")
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

-- CreateTable. "counted" is the score of an actor that counts: the latest.
CREATE TABLE "model_feedback" (
    "command_id" TEXT COLLATE "C" NOT NULL,
    "digest" TEXT NOT NULL,
    "tenant" TEXT COLLATE "C" NOT NULL,
    "request_id" TEXT COLLATE "C" NOT NULL,
    "actor" TEXT COLLATE "C" NOT NULL,
    "score" DOUBLE PRECISION,
    "correction" TEXT,
    "comment" TEXT,
    "counted" BOOLEAN NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "model_feedback_pkey" PRIMARY KEY ("command_id"),
    CONSTRAINT "model_feedback_score" CHECK ("score" BETWEEN 0 AND 1)
);

-- CreateIndex
CREATE INDEX "model_feedback_tenant_request_id_idx" ON "model_feedback"("tenant", "request_id");

-- CreateIndex. One score of an actor counts for a request, whatever races.
CREATE UNIQUE INDEX "model_feedback_counted_idx" ON "model_feedback"("tenant", "request_id", "actor") WHERE "counted";

-- CreateIndex. For forgetting the old.
CREATE INDEX "model_feedback_created_at_idx" ON "model_feedback"("created_at");
