-- Schema version 3: the runs of a workflow in one status are found however few they are. A status changes two or three
-- times in the life of a run; no other transition pays for it.

CREATE INDEX runs_by_workflow_status ON runs (workflow, status, created_at, rid);
