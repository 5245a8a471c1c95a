//! Whatever workers, engines and time do in whatever order: the log tells the state, the queue holds what is in flight,
//! and every run comes to its end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ossa_runtime::engine::{Engine, OrderedBy, StepClaim};
use ossa_runtime::plan::Plan;
use ossa_runtime::port::{Backend, RunId, StepRef, Version};
use ossa_runtime::run::{RunState, StepError, check_invariants};
use proptest::prelude::*;
use serde_json::json;

use crate::lab::*;

/// What may happen next. Numbers choose among what there is, whatever the count.
#[derive(Debug, Clone)]
enum Deed {
    Start {
        shape: usize,
    },
    Take {
        engine: usize,
        max: usize,
    },
    Complete {
        engine: usize,
        claim: usize,
    },
    Fail {
        engine: usize,
        claim: usize,
    },
    GiveBack {
        engine: usize,
        claim: usize,
    },
    Relay {
        engine: usize,
    },
    Pass {
        seconds: u64,
    },
    Tick {
        engine: usize,
    },
    Replace {
        engine: usize,
    },
    Cancel {
        engine: usize,
        run: usize,
    },
    Retry {
        engine: usize,
        run: usize,
        step: usize,
    },
    /// Steering may be refused; then nothing has changed.
    Steer {
        engine: usize,
        run: usize,
        how: usize,
    },
    SteerStep {
        engine: usize,
        run: usize,
        step: usize,
        skip: bool,
    },
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let number = 0..64_usize;
    let deed = prop_oneof![
        2 => number.clone().prop_map(|shape| Deed::Start { shape }),
        6 => (number.clone(), 1..4_usize).prop_map(|(engine, max)| Deed::Take { engine, max }),
        6 => (number.clone(), number.clone()).prop_map(|(engine, claim)| Deed::Complete { engine, claim }),
        4 => (number.clone(), number.clone()).prop_map(|(engine, claim)| Deed::Fail { engine, claim }),
        1 => (number.clone(), number.clone()).prop_map(|(engine, claim)| Deed::GiveBack { engine, claim }),
        1 => number.clone().prop_map(|engine| Deed::Relay { engine }),
        3 => (0..40_u64).prop_map(|seconds| Deed::Pass { seconds }),
        2 => number.clone().prop_map(|engine| Deed::Tick { engine }),
        1 => number.clone().prop_map(|engine| Deed::Replace { engine }),
        1 => (number.clone(), number.clone()).prop_map(|(engine, run)| Deed::Cancel { engine, run }),
        1 => (number.clone(), number.clone(), number.clone())
            .prop_map(|(engine, run, step)| Deed::Retry { engine, run, step }),
        4 => (number.clone(), 0..4_usize, number.clone())
            .prop_map(|(engine, run, how)| Deed::Steer { engine, run, how }),
        2 => (number.clone(), 0..4_usize, number, any::<bool>())
            .prop_map(|(engine, run, step, skip)| Deed::SteerStep { engine, run, step, skip }),
    ];
    prop::collection::vec(deed, 1..80)
}

fn shapes() -> Vec<Arc<Plan>> {
    let (free, slow) = ("depends_on: []", "timeout_seconds: 20");
    let retry = "retry: {max_attempts: 3, backoff_strategy: fixed, initial_delay_ms: 5000}";
    vec![
        workflow(&[step("a"), step_with("b", &[retry]), step("c")].concat()),
        workflow(
            &[
                step_with("a", &[free, slow]),
                step_with("b", &[free, retry]),
                step_with(
                    "c",
                    &[
                        "depends_on: [a, b]",
                        "condition: ${{ steps.a.output.ok == true }}",
                    ],
                ),
                step_with("d", &["depends_on: [b]", "continue_on_error: true"]),
            ]
            .concat(),
        ),
        plan(&format!(
            "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {{name: bounded}}\nspec:\n  timeout_seconds: 90\n  steps:\n{}",
            [step("a"), step_with("b", &["on_error: {action: continue}"])].concat()
        )),
    ]
}

struct World {
    lab: Lab,
    backend: Arc<dyn Backend>,
    engines: Vec<Engine>,
    shapes: Vec<Arc<Plan>>,
    runs: Vec<(RunId, Arc<Plan>)>,
    /// Every claim ever made: also those that were lost are reported now and then.
    claims: Vec<Arc<StepClaim>>,
}

impl World {
    fn new() -> Self {
        let lab = Lab::in_memory();
        Self {
            backend: lab.backend(),
            engines: (0..3).map(|_| lab.engine()).collect(),
            shapes: shapes(),
            runs: Vec::new(),
            claims: Vec::new(),
            lab,
        }
    }

    fn engine(&self, number: usize) -> &Engine {
        &self.engines[number % self.engines.len()]
    }

    fn claim(&self, number: usize) -> Option<&StepClaim> {
        let at = number.checked_rem(self.claims.len())?;
        self.claims.get(at).map(|claim| &**claim)
    }

    /// Does it; that something is not possible in the state of things is an answer, not a fault of the engine.
    fn apply(&mut self, deed: &Deed) {
        match *deed {
            Deed::Start { shape } => {
                let plan = Arc::clone(&self.shapes[shape % self.shapes.len()]);
                self.runs.push((start(self.engine(shape), &plan), plan));
            }
            Deed::Take { engine, max } => {
                let claims = self.engine(engine).receive(&[QUEUE], max).unwrap();
                for claim in &claims {
                    self.check_may_run(claim);
                }
                self.claims.extend(claims);
            }
            Deed::Complete { engine, claim } => {
                if let Some(claim) = self.claim(claim) {
                    let output = json!({"ok": claim.job.attempt % 2 == 1});
                    self.engine(engine).complete(&claim.token, output).unwrap();
                }
            }
            Deed::Fail { engine, claim } => {
                if let Some(claim) = self.claim(claim) {
                    let error = StepError::new("HANDLER_ERROR", "it threw");
                    self.engine(engine).fail(&claim.token, error).unwrap();
                }
            }
            Deed::GiveBack { engine, claim } => {
                if let Some(claim) = self.claim(claim) {
                    self.engine(engine).give_back(&claim.token).unwrap();
                }
            }
            Deed::Relay { engine } => {
                let dispatches = self.engine(engine).relay(&[QUEUE], 3).unwrap();
                self.engine(engine).relayed(&dispatches).unwrap();
            }
            Deed::Pass { seconds } => self.lab.pass(Duration::from_secs(seconds)),
            Deed::Tick { engine } => drop(self.engine(engine).tick().unwrap()),
            Deed::Replace { engine } => {
                let at = engine % self.engines.len();
                self.engines[at] = self.lab.engine();
            }
            Deed::Cancel { engine, run } => {
                if let Some((id, _)) = self.runs.get(run) {
                    self.engine(engine).cancel(*id, because("chance")).unwrap();
                }
            }
            Deed::Retry { engine, run, step } => {
                if let Some((id, plan)) = self.runs.get(run) {
                    let nodes = plan.nodes();
                    let name = &nodes[step % nodes.len()].id;
                    let _ = self
                        .engine(engine)
                        .retry_step(*id, name, OrderedBy::default());
                }
            }
            Deed::Steer { engine, run, how } => {
                if let Some((id, _)) = self.runs.get(run) {
                    self.steer(engine, *id, how);
                }
            }
            Deed::SteerStep {
                engine,
                run,
                step,
                skip,
            } => {
                if let Some((id, plan)) = self.runs.get(run) {
                    let nodes = plan.nodes();
                    let name = &nodes[step % nodes.len()].id;
                    let (engine, by) = (self.engine(engine), OrderedBy::default());
                    if skip {
                        let _ = engine.skip_step(*id, name, by);
                    } else {
                        let _ = engine.execute_step(*id, name, by);
                    }
                }
            }
        }
    }

    /// Nothing of a held run is handed out unless an operator has it executed.
    fn check_may_run(&self, claim: &StepClaim) {
        let (id, plan) = self
            .runs
            .iter()
            .find(|(id, _)| *id == claim.job.run)
            .unwrap();
        let stored = self.backend.load(&[*id]).unwrap().remove(0).unwrap();
        let state = RunState::restore(plan, &stored, |_| None).unwrap();
        let mut executed = state.steps().filter(|(_, step)| step.executed);
        let executed = executed.any(|(place, _)| place.node.0 == claim.job.node);
        assert!(
            executed || !state.is_held(),
            "{:?} of a held run",
            claim.job
        );
    }

    fn steer(&self, engine: usize, id: RunId, how: usize) {
        let engine = self.engine(engine);
        let by = OrderedBy::new("chance");
        let _ = match how % 9 {
            0..=2 => engine.pause(id, by),
            3..=4 => engine.resume(id, by),
            5 => engine.quarantine(id, by),
            6..=7 => engine.release(id, by),
            _ => engine.abort(id, by),
        };
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let mut in_flight = BTreeSet::new();
        for (id, plan) in &self.runs {
            let rows = self.backend.history(id, Version(0), 10_000).unwrap();
            for (row, version) in rows.iter().zip(1..) {
                prop_assert_eq!(row.version, Version(version));
            }
            let replayed = RunState::replay(plan, None, &rows).unwrap();
            let stored = self.backend.load(&[*id]).unwrap().remove(0).unwrap();
            prop_assert_eq!(
                &RunState::restore(plan, &stored, row_of(&rows)).unwrap(),
                &replayed
            );
            prop_assert_eq!(replayed.head(plan), stored.head);
            prop_assert_eq!(check_invariants(plan, &replayed), Vec::<String>::new());
            in_flight.extend(
                replayed
                    .steps()
                    .filter(|(_, step)| step.phase.is_in_flight())
                    .map(|(place, step)| place.attempt(*id, step.attempt)),
            );
        }
        let items = self.backend.list_messages(QUEUE, 10_000).unwrap();
        let items: BTreeSet<StepRef> = items
            .iter()
            .filter_map(|it| it.step)
            .map(|it| it.step)
            .collect();
        prop_assert_eq!(items, in_flight);
        Ok(())
    }

    /// Lets good workers do the rest.
    fn finish(&mut self) -> Result<(), TestCaseError> {
        let engine = self.lab.engine();
        for (id, _) in &self.runs {
            // Refused where there is nothing to lift.
            let _ = engine.release(*id, OrderedBy::default());
            let _ = engine.resume(*id, OrderedBy::default());
        }
        for _ in 0..400 {
            let open = self
                .runs
                .iter()
                .filter(|(id, _)| !status(&engine, *id).is_terminal());
            if open.count() == 0 {
                return Ok(());
            }
            let claims = engine.receive(&[QUEUE], 10).unwrap();
            for claim in &claims {
                engine.complete(&claim.token, json!({"ok": true})).unwrap();
            }
            if claims.is_empty() {
                self.lab.pass(Duration::from_secs(31));
                engine.tick().unwrap();
            }
        }
        prop_assert!(false, "a run does not end");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_laws_hold_whatever_happens(deeds in deeds()) {
        let mut world = World::new();
        for deed in &deeds {
            world.apply(deed);
        }
        world.check()?;
        world.finish()?;
        world.check()?;
        prop_assert!(world.backend.list_messages(QUEUE, 10).unwrap().is_empty());
        let forever = world.lab.clock.as_ref();
        let later = ossa_runtime::port::Clock::now(forever).after(Duration::from_secs(1_000_000));
        prop_assert!(world.backend.due_timers(later, 10).unwrap().is_empty());
    }
}
