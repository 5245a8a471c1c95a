//! Clocks that are set, and clocks of several processes that differ: work comes late or twice, and nothing is lost.

use std::sync::Arc;
use std::time::Duration;

use ossa_runtime::engine::{EngineOptions, Reported};
use ossa_runtime::port::{Clock, ManualClock, RunStatus, Timestamp, Version};
use serde_json::json;

use crate::lab::*;
use crate::stories;

const MINUTE: Duration = Duration::from_secs(60);

stories! {
    fn a_clock_set_forward_has_a_step_run_twice_and_one_result_counts(lab) {
        let (one, other) = (lab.engine(), lab.engine());
        let id = start(&one, &three_steps());
        let first = take(&one);
        lab.pass(MINUTE);
        let again = take(&other);
        assert_eq!((again.job.attempt, &again.job.effect_key), (1, &first.job.effect_key));
        assert_eq!(one.complete(&first.token, json!({})).unwrap().result, HANDLED);
        assert_eq!(other.complete(&again.token, json!({})).unwrap().result, Reported::Duplicate);
        assert_eq!(work_off(&other), ["second", "third"]);
        assert_eq!(status(&one, id), RunStatus::Completed);
    }

    fn a_worker_whose_clock_is_behind_comes_later_to_the_same_work(lab) {
        let ahead = lab.engine();
        let id = start(&ahead, &three_steps());
        let earlier = Timestamp::from_millis(lab.clock.now().as_millis() - 60_000);
        let clock = Arc::new(ManualClock::at(earlier));
        let behind = lab.engine_with(EngineOptions {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            ..lab.options()
        });
        assert!(try_take(&behind).is_none(), "for it, the step is yet to come");
        clock.advance(MINUTE);
        complete(&behind, "first");
        // Its clock is set back while it works; what it reports is put in order by version all the same.
        let claim = take(&ahead);
        let lagging = lab.engine_with(EngineOptions {
            clock: Arc::new(ManualClock::at(earlier)),
            ..lab.options()
        });
        assert_eq!(lagging.complete(&claim.token, json!({})).unwrap().result, HANDLED);
        complete(&ahead, "third");
        let details = run(&ahead, id);
        assert_eq!(details.run.status, RunStatus::Completed);
        assert!(details.events.is_sorted_by_key(|event| event.version));
        assert!(!details.events.is_sorted_by_key(|event| event.at));
        let rows = lab.backend().history(&id, Version(0), 99).unwrap();
        assert!(rows.iter().map(|row| row.version.0).eq(1..=4));
    }
}
