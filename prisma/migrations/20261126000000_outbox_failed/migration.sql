-- A record that Kafka refuses for its data is set aside, so that it holds up no other.
ALTER TABLE "outbox" ADD COLUMN "failed_at" TIMESTAMPTZ(3);

CREATE INDEX "outbox_failed_idx" ON "outbox"("id") WHERE "failed_at" IS NOT NULL;
