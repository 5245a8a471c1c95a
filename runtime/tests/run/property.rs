//! Laws that hold for every workflow and every order of results. The harness checks the invariants, the replay of the
//! log and the items in the queue after each input.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ossa_runtime::plan::{NodeId, Plan};
use ossa_runtime::port::{StepRef, Timestamp};
use ossa_runtime::run::{
    Command, DEADLINE_TIMER, Decision, Effect, Event, Input, Order, Phase, Place, RunState,
    ScopeId, StepError, StepOrder, StepView, apply, check_invariants, differences, migrate,
};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use crate::flow::{Flow, Shape, any_flow, any_shape};
use crate::harness::{Run, cancel, compile, failed, start_with, succeeded, workflow};

/// What happens to a run next.
#[derive(Debug, Clone)]
enum Happening {
    Success(Index),
    Failure(Index),
    Fatal(Index),
    /// A result of any attempt that was ever made.
    Stray(Index, bool),
    Retry(Index),
    /// Someone decides on a step, whatever it does.
    Decide(Index, bool),
    /// The time of a wait is up.
    WaitIsOver(Index),
    Deadline,
    Cancel,
    Steer(Command),
    SteerStep(Index, StepOrder),
    TimePasses(u16),
}

const HOLDS: &[Command] = &[
    Command::Pause,
    Command::Resume,
    Command::Quarantine,
    Command::Release,
];

fn any_happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => any::<Index>().prop_map(Happening::Success),
        5 => any::<Index>().prop_map(Happening::Failure),
        2 => any::<Index>().prop_map(Happening::Fatal),
        3 => (any::<Index>(), any::<bool>()).prop_map(|(at, good)| Happening::Stray(at, good)),
        2 => any::<Index>().prop_map(Happening::Retry),
        3 => (any::<Index>(), any::<bool>()).prop_map(|(at, good)| Happening::Decide(at, good)),
        1 => any::<Index>().prop_map(Happening::WaitIsOver),
        1 => Just(Happening::Deadline),
        1 => Just(Happening::Cancel),
        1 => Just(Happening::Steer(Command::Abort)),
        6 => proptest::sample::select(HOLDS).prop_map(Happening::Steer),
        2 => any::<Index>().prop_map(|at| Happening::SteerStep(at, StepOrder::Skip)),
        3 => any::<Index>().prop_map(|at| Happening::SteerStep(at, StepOrder::Execute)),
        3 => any::<u16>().prop_map(Happening::TimePasses),
    ]
}

fn live(run: &Run, index: &Index) -> Option<StepRef> {
    let steps: Vec<_> = run.items.keys().copied().collect();
    (!steps.is_empty()).then(|| *index.get(&steps))
}

fn result(step: StepRef, good: bool) -> Input {
    if good {
        succeeded(step, json!({"node": step.node}))
    } else {
        failed(step, StepError::new("BUSY", "try again"))
    }
}

fn steer(command: Command) -> Input {
    Input::Steer(Box::new(Order {
        command,
        by: "ada".to_owned(),
        reason: "a test".to_owned(),
    }))
}

/// The input for a happening, if it can happen now.
fn input(run: &Run, made: &[StepRef], happening: &Happening) -> Option<Input> {
    Some(match happening {
        Happening::Success(index) => result(live(run, index)?, true),
        Happening::Failure(index) => result(live(run, index)?, false),
        Happening::Fatal(index) => failed(
            live(run, index)?,
            StepError {
                retryable: Some(false),
                ..StepError::new("FATAL", "give up")
            },
        ),
        Happening::Stray(index, good) if !made.is_empty() => result(*index.get(made), *good),
        Happening::Retry(index) => {
            let places: Vec<_> = run.state.steps().map(|(place, _)| place).collect();
            let place = index.get(&places);
            steer(Command::Step {
                scope: place.scope.0,
                node: place.node.0,
                order: StepOrder::Retry,
            })
        }
        Happening::Decide(index, good) => {
            let places: Vec<_> = run.state.steps().map(|(place, _)| place).collect();
            decision(*index.get(&places), *good, index.index(3))
        }
        Happening::WaitIsOver(index) => {
            let waiting = waiting(run);
            let (place, generation) = (!waiting.is_empty()).then(|| *index.get(&waiting))?;
            Input::TimerFired {
                name: format!("wait/{}/{}", place.scope.0, place.node.0),
                generation,
            }
        }
        Happening::Deadline => Input::TimerFired {
            name: DEADLINE_TIMER.to_owned(),
            generation: 1,
        },
        Happening::Cancel => cancel("enough"),
        Happening::Steer(command) => steer(*command),
        Happening::SteerStep(index, order) => {
            let places: Vec<_> = run.state.steps().map(|(place, _)| place).collect();
            let place = index.get(&places);
            steer(Command::Step {
                scope: place.scope.0,
                node: place.node.0,
                order: *order,
            })
        }
        Happening::Stray(..) | Happening::TimePasses(_) => return None,
    })
}

fn decision(place: Place, good: bool, by: usize) -> Input {
    Input::Decide(Box::new(Decision {
        scope: place.scope.0,
        node: place.node.0,
        decision: json!(good),
        by: format!("person {by}"),
        comment: None,
    }))
}

/// Steps that wait, with the number of their waits.
fn waiting(run: &Run) -> Vec<(Place, u64)> {
    let steps = run.state.steps();
    let steps = steps.filter(|(_, step)| step.phase == Phase::Waiting);
    steps
        .filter_map(|(place, step)| Some((place, step.wait.as_ref()?.generation)))
        .collect()
}

/// Approves the first step that waits.
fn approve(run: &mut Run) -> bool {
    let Some((place, _)) = waiting(run).first().copied() else {
        return false;
    };
    let step = run.state.step(place).unwrap();
    let votes = &step.wait.as_ref().unwrap().votes;
    let free = (0..).find(|by| !votes.iter().any(|vote| vote.by == format!("person {by}")));
    run.apply(decision(place, true, free.unwrap())).unwrap();
    true
}

fn note_attempts(run: &Run, made: &mut Vec<StepRef>) {
    for step in run.items.keys() {
        if !made.contains(step) {
            made.push(*step);
        }
    }
}

/// Whether the end of the run does not wait for the step, or for a block around it.
fn is_async(run: &Run, step: &StepView) -> bool {
    let place = Place {
        scope: ScopeId(step.scope),
        node: NodeId(step.node),
    };
    let mut around = run.state.around(place);
    around.any(|place| run.plan.node(place.node).is_some_and(|node| node.is_async))
}

/// Delivers good results until none is waited for.
fn deliver_all(run: &mut Run) {
    for _ in 0..1000 {
        if let Some(step) = run.items.keys().next().copied() {
            run.apply(result(step, true)).unwrap();
        } else if !approve(run) {
            return;
        }
    }
    panic!("the run does not come to an end");
}

const ALL_MODES: &[&str] = &["halt", "continue", "notify", "compensate"];

/// Steps that wait for so many approvals.
const WAITS: &[&str] = &[
    "type: approval, require: 1, timeout_hours: 1",
    "type: approval, require: 2, timeout_hours: 1",
];

fn flow_in(modes: &'static [&'static str]) -> impl Strategy<Value = Flow> {
    any_flow(WAITS, modes, &[])
}

fn planned(flow: &Flow) -> Arc<Plan> {
    let spec = flow.spec();
    let plan = compile(&workflow(&spec));
    Arc::new(plan.unwrap_or_else(|errors| panic!("{errors:#?}\n{spec}")))
}

fn started(flow: &Flow) -> Run {
    Run::on(planned(flow), start_with(json!({}))).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_keeps_the_laws_and_ends_when_its_results_are_in(
        flow in flow_in(ALL_MODES),
        happenings in proptest::collection::vec(any_happening(), 0..40),
    ) {
        let mut run = started(&flow);
        let mut made = Vec::new();
        for happening in &happenings {
            note_attempts(&run, &mut made);
            if let Happening::TimePasses(seconds) = happening {
                run.advance(Duration::from_secs(u64::from(*seconds)));
            }
            let Some(input) = input(&run, &made, happening) else { continue };
            let before = run.state.status();
            let by_hand = matches!(input, Input::Steer(_) | Input::Decide(_));
            let version = run.state.version();
            let held = run.state.is_held();
            let applied = run.apply(input);
            if applied.is_ok() && held && run.state.is_held() && !matches!(happening, Happening::SteerStep(..)) {
                for effect in &run.effects {
                    if let Effect::Dispatch(dispatch) = effect {
                        prop_assert_eq!(dispatch.not_before, Timestamp::NEVER);
                    }
                }
            }
            if before.is_terminal() && !by_hand {
                prop_assert_eq!(run.state.status(), before, "an end is an end");
            }
            if applied.is_err() {
                prop_assert!(by_hand, "only what people do is refused: {:?}", applied);
                prop_assert_eq!(run.state.version(), version);
            }
            if !run.state.is_held() {
                prop_assert!(run.items.values().all(|item| item.not_before < Timestamp::NEVER));
            }
        }
        for lift in [Command::Release, Command::Resume] {
            // Refused where there is nothing to lift.
            let _ = run.apply(steer(lift));
        }
        deliver_all(&mut run);
        prop_assert!(run.state.status().is_terminal(), "{}", run.statuses());
        for version in 1..=run.rows.len() {
            prop_assert_eq!(&run.restored_from(version), &run.state);
        }
    }

    #[test]
    fn the_order_of_results_does_not_change_what_becomes_of_the_steps_that_the_end_waits_for(
        flow in flow_in(&["continue", "notify"]),
        verdicts in proptest::collection::vec(any::<bool>(), 64),
        orders in proptest::collection::vec((any::<Index>(), any::<Index>()), 64),
    ) {
        // A condition that reads the error of the run depends on what failed so far.
        let steps = flow.steps.into_iter().map(Shape::blind).collect();
        let flow = Flow { steps, ..flow };
        let plan = planned(&flow);
        let outcome = |order: &dyn Fn(usize) -> Index| {
            let mut run = Run::on(plan.clone(), start_with(json!({}))).unwrap();
            let mut turn = 0;
            while let Some(step) = live(&run, &order(turn % orders.len())) {
                let verdict = (step.node * 3 + step.attempt) as usize % verdicts.len();
                run.apply(result(step, verdicts[verdict])).unwrap();
                turn += 1;
            }
            let steps = run.view().steps.into_iter().filter(|step| !is_async(&run, step));
            let mut statuses: Vec<_> = steps.map(|step| (step.id, step.status)).collect();
            statuses.sort();
            (run.state.status(), statuses)
        };
        prop_assert_eq!(outcome(&|turn| orders[turn].0), outcome(&|turn| orders[turn].1));
    }

    #[test]
    fn a_run_that_is_migrated_keeps_the_laws_and_ends(
        flow in flow_in(ALL_MODES),
        kept in any::<Index>(),
        tail in proptest::collection::vec(any_shape(WAITS), 0..4),
        happenings in proptest::collection::vec(any_happening(), 0..12),
    ) {
        let mut run = started(&flow);
        for happening in &happenings {
            if let Some(input) = input(&run, &[], happening) {
                let _ = run.apply(input);
            }
        }
        let mut steps = flow.steps[..kept.index(flow.steps.len() + 1)].to_vec();
        steps.extend(tail);
        let new = Flow { steps, ..flow };
        prop_assume!(!new.steps.is_empty());
        let new = planned(&new);
        let stands_in_the_way = differences(&run.plan, &new, &run.state).iter().any(|it| it.blocks);
        let (by, reason) = ("ada".to_owned(), String::new());
        let migrated = migrate(&run.plan, &new, run.state.clone(), by, reason, run.now);
        prop_assert_eq!(migrated.is_err(), stands_in_the_way);
        let Ok(transition) = migrated else { return Ok(()) };
        let mut state = transition.state;
        for lift in [Command::Release, Command::Resume] {
            let lifted = apply(&new, Some(state.clone()), steer(lift), run.now);
            state = lifted.map_or(state, |lifted| lifted.state);
        }
        for _ in 0..1000 {
            prop_assert_eq!(check_invariants(&new, &state), Vec::<String>::new());
            prop_assert_eq!(&RunState::from_snapshot(&new, &state.to_snapshot(), |_| None).unwrap(), &state);
            let mut steps = state.steps().filter(|(_, step)| step.phase.is_in_flight());
            let Some((place, step)) = steps.next() else { break };
            let attempt = place.attempt(state.run(), step.attempt);
            drop(steps);
            state = apply(&new, Some(state.clone()), result(attempt, true), run.now).unwrap().state;
        }
        // People are asked; nobody answers here.
        let waits = state.steps().any(|(_, step)| step.phase == Phase::Waiting);
        prop_assert!(waits || state.status().is_terminal(), "{:?}", state.status());
    }

    #[test]
    fn the_log_tells_every_attempt_once_and_in_order(
        flow in flow_in(ALL_MODES),
        verdicts in proptest::collection::vec(any::<bool>(), 64),
    ) {
        let mut run = started(&flow);
        let mut log: Vec<Event> = run.events.clone();
        let mut turn = 0;
        loop {
            if let Some(step) = run.items.keys().next().copied() {
                run.apply(result(step, verdicts[turn % verdicts.len()])).unwrap();
            } else if !approve(&mut run) {
                break;
            }
            log.extend(run.events.iter().cloned());
            turn += 1;
        }
        let places: BTreeSet<Place> = log.iter().filter_map(Event::place).collect();
        for place in places {
            let attempts: Vec<u32> = log
                .iter()
                .filter(|event| event.place() == Some(place))
                .filter_map(|event| match event {
                    Event::StepDispatched { attempt, .. }
                    | Event::StepRetryScheduled { attempt, .. } => Some(*attempt),
                    _ => None,
                })
                .collect();
            let expected: Vec<u32> = (1..).take(attempts.len()).collect();
            prop_assert_eq!(attempts, expected);
        }
        let ends = log.iter().filter(|event| {
            matches!(event, Event::RunCompleted { .. } | Event::RunFailed { .. } | Event::RunCanceled { .. })
        });
        prop_assert_eq!(ends.count(), 1);
    }
}
