-- The rest of the queue's tables, and who may do what with them.

SET LOCAL search_path = queue, pg_temp;
-- lapel:include procrastinate after 02.06.00_01_add_cancel_states through 03.04.00_50_post_add_retry_failed_job_procedure
SET LOCAL search_path = lapel, public;

-- Our transactions do not have `queue` in their search path, so its functions find their tables by themselves.
DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'queue'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = queue, pg_temp', f);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA queue TO lapel_app;
-- Who asks for a job adds one and reads none: the function that adds it runs with the owner's rights.
ALTER FUNCTION queue.procrastinate_defer_jobs_v1(queue.procrastinate_job_to_defer_v1[]) SECURITY DEFINER;
GRANT EXECUTE ON FUNCTION queue.procrastinate_defer_jobs_v1(queue.procrastinate_job_to_defer_v1[]) TO lapel_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA queue TO lapel_worker;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA queue TO lapel_worker;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA queue TO lapel_worker;
