-- Where a route sends what its target refused for its content; null leaves the refusal as it is.
ALTER TABLE "routes" ADD COLUMN "on_content_filter" TEXT;
