-- Kinds of task that a model is meant for. Workers of the version before leave the column alone.
ALTER TABLE "models" ADD COLUMN "task_types" TEXT[] DEFAULT ARRAY[]::TEXT[];
