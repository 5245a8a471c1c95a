//! Runs that go on with another version of their workflow.

use std::sync::Arc;

use ossa_runtime::engine::{Engine, Migration, OrderedBy, Startable};
use ossa_runtime::error::Error;
use ossa_runtime::plan::Plan;
use ossa_runtime::port::{RunId, RunStatus};
use serde_json::json;

use crate::lab::*;
use crate::stories;

fn migrate(engine: &Engine, id: RunId, to: &Arc<Plan>, dry: bool) -> Result<Migration, Error> {
    let to = Some(Startable::Plan(Arc::clone(to)));
    engine.migrate(id, to, OrderedBy::new("ada"), dry)
}

fn steps(ids: &[&str]) -> Arc<Plan> {
    workflow(&ids.iter().map(|id| step(id)).collect::<String>())
}

fn differences(migration: &Migration) -> Vec<(bool, &str)> {
    let differences = migration.differences.iter();
    differences
        .map(|it| (it.blocks, it.step.as_deref().unwrap_or_default()))
        .collect()
}

stories! {
    fn a_run_goes_on_with_the_steps_of_the_new_version(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        complete(&engine, "first");
        let claim = take(&engine);
        let new = steps(&["first", "second", "between", "last"]);
        let dry = migrate(&engine, id, &new, true).unwrap();
        assert_eq!(differences(&dry), [(false, "third"), (false, "between"), (false, "last")]);
        assert!(!dry.migrated && run(&engine, id).run.plan == dry.from);
        assert!(migrate(&engine, id, &new, false).unwrap().migrated);
        // The result of an attempt from before the migration counts.
        assert_eq!(engine.complete(&claim.token, json!({})).unwrap().result, HANDLED);
        // Another process, with nothing in its memory, goes on.
        let other = lab.engine();
        assert_eq!(run(&other, id).run.plan, *new.hash());
        assert_eq!(work_off(&other), ["between", "last"]);
        assert_eq!(status(&other, id), RunStatus::Completed);
        let types: Vec<_> = run(&other, id).events.iter().map(|event| serde_json::to_value(event).unwrap()["type"].clone()).collect();
        assert!(types.contains(&json!("run_migrated")), "{types:?}");
    }

    fn a_version_that_would_orphan_a_step_in_flight_is_refused_with_what_differs(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        complete(&engine, "first");
        for new in [steps(&["first", "third"]), steps(&["first", "before", "second"])] {
            let dry = migrate(&engine, id, &new, true).unwrap();
            assert_eq!(differences(&dry)[0], (true, "second"));
            assert!(dry.differences[0].text.contains("is in flight"), "{dry:?}");
            let error = migrate(&engine, id, &new, false).unwrap_err();
            assert_eq!((error.code(), error.run(), error.violations().len()), ("OSSA-R015", Some(id), 1));
        }
        assert_eq!(work_off(&engine), ["second", "third"]);
    }

    fn what_has_ended_or_is_another_workflow_is_not_migrated(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        let other = plan(&format!("apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {{name: other}}\nspec:\n  steps:\n{}", step("first")));
        assert!(migrate(&engine, id, &other, false).unwrap_err().message().contains("another workflow"));
        assert!(migrate(&engine, id, &three_steps(), false).unwrap_err().message().contains("already"));
        work_off(&engine);
        assert!(migrate(&engine, id, &steps(&["first"]), false).unwrap_err().message().contains("has ended"));
    }

    fn a_paused_run_is_migrated_and_exported_and_stays_paused(lab) {
        let engine = lab.engine();
        let id = start(&engine, &three_steps());
        engine.pause(id, OrderedBy::default()).unwrap();
        let new = steps(&["first", "last"]);
        migrate(&engine, id, &new, false).unwrap();
        assert!(try_take(&engine).is_none());
        let other = Lab::in_file().engine();
        other.import(&engine.export(id).unwrap()).unwrap();
        other.resume(id, OrderedBy::default()).unwrap();
        assert_eq!(work_off(&other), ["first", "last"]);
    }
}
