//! What is left when a process dies between two calls: everything.

use std::time::Duration;

use ossa_runtime::port::{RunStatus, Version};
use ossa_runtime::run::RunState;
use serde_json::json;

use crate::lab::*;
use crate::stories;

stories! {
    fn a_fresh_engine_goes_on_wherever_the_last_one_stopped(lab) {
        // Long enough for several snapshots.
        let steps: String = (0..40).map(|number| step(&format!("s{number}"))).collect();
        let id = start(&lab.engine(), &workflow(&steps));
        for number in 0..40 {
            let engine = lab.engine();
            assert_eq!(run(&engine, id).run.current_step, Some(format!("s{number}")));
            let claim = take(&engine);
            drop(engine);
            let report = lab.engine().complete(&claim.token, json!(number)).unwrap();
            assert_eq!(report.result, HANDLED);
        }
        let details = run(&lab.engine(), id);
        assert_eq!(details.run.status, RunStatus::Completed);
        for (number, step) in details.run.steps.iter().enumerate() {
            assert_eq!((step.attempts, step.output.as_ref()), (1, Some(&json!(number))));
        }
    }

    fn recovery_reads_one_snapshot_and_at_most_sixteen_rows(lab) {
        let engine = lab.engine();
        let steps: String = (0..40).map(|number| step(&format!("s{number}"))).collect();
        let id = start(&engine, &workflow(&steps));
        let backend = lab.backend();
        for _ in 0..40 {
            let stored = backend.load(&[id]).unwrap().remove(0).unwrap();
            assert!(stored.tail.len() <= 16, "{} rows", stored.tail.len());
            let claim = take(&engine);
            engine.complete(&claim.token, json!({})).unwrap();
        }
        let stored = backend.load(&[id]).unwrap().remove(0).unwrap();
        assert!(stored.snapshot.is_some());
    }

    fn the_log_alone_gives_the_state_that_snapshots_give(lab) {
        let engine = lab.engine();
        let steps: String = (0..40).map(|number| step(&format!("s{number}"))).collect();
        let plan = workflow(&steps);
        let id = start(&engine, &plan);
        work_off(&engine);
        let backend = lab.backend();
        let rows = backend.history(&id, Version(0), 1000).unwrap();
        let replayed = RunState::replay(&plan, None, &rows).unwrap();
        let stored = backend.load(&[id]).unwrap().remove(0).unwrap();
        assert_eq!(replayed, RunState::restore(&plan, &stored, row_of(&rows)).unwrap());
        assert_eq!(replayed.head(&plan), stored.head);
    }

    fn a_due_retry_survives_the_end_of_its_process(lab) {
        let retry = "retry: {max_attempts: 2, backoff_strategy: fixed, initial_delay_ms: 60000}";
        let id = start(&lab.engine(), &workflow(&step_with("flaky", &[retry])));
        let claim = take(&lab.engine());
        lab.engine().fail(&claim.token, failure()).unwrap();
        lab.pass(Duration::from_secs(70));
        let engine = lab.engine();
        assert_eq!(take(&engine).job.attempt, 2);
        assert_eq!(status(&engine, id), RunStatus::Running);
    }

    fn a_deadline_survives_the_end_of_its_process(lab) {
        let plan = plan(&format!(
            "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {{name: demo}}\nspec:\n  timeout_seconds: 60\n  steps:\n{}",
            step("first")
        ));
        let id = start(&lab.engine(), &plan);
        lab.pass(Duration::from_secs(59));
        lab.engine().tick().unwrap();
        assert_eq!(status(&lab.engine(), id), RunStatus::Running);
        lab.pass(Duration::from_secs(1));
        lab.engine().tick().unwrap();
        assert_eq!(status(&lab.engine(), id), RunStatus::Failed);
    }

    fn an_attempt_claimed_by_a_dead_process_times_out_in_another(lab) {
        let id = start(&lab.engine(), &workflow(&step_with("slow", &["timeout_seconds: 10"])));
        take(&lab.engine());
        lab.pass(Duration::from_secs(10));
        lab.engine().tick().unwrap();
        assert_eq!(run(&lab.engine(), id).run.error.unwrap().code, "TIMEOUT");
    }
}
