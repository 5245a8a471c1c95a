//! The heart: a run as a pure state machine.
//!
//! [`apply`]`(plan, state, input, now)` decides what happened ([`Event`]), folds each event into the state at once, and
//! says what the engine is to do ([`Effect`]). No clock, no randomness, no I/O; replaying the events of a log gives the
//! same state ([`RunState::replay`]).
//!
//! # Transitions
//!
//! | input | when | events, in order |
//! |---|---|---|
//! | `Start` | no run; the input keeps its schema | `RunCreated` `RunStarted`, then *advance* |
//! | `Succeeded` | the attempt is in flight, the output passes its checks | `StepCompleted` `VariableSet`*, then *advance* |
//! | `Succeeded` | … the output fails a check | `ValidationFailed`, then as `Failed` |
//! | `Failed` | the attempt is in flight; the policy allows another | `AttemptFailed` `StepRetryScheduled` |
//! | `Failed` | … no other attempt | `AttemptFailed`, then *settle the failure*, then *advance* |
//! | `Succeeded`, `Failed` | the attempt has its result, or is over | none: answered `Duplicate` or `Late` |
//! | `TimerFired` | `deadline`, current, the run is running | *stop*, `RunFailed` (`TIMEOUT`) |
//! | `Decide` | the step waits for a person, and the answer fits | `StepAnswered` or `StepVoted`, then as `Succeeded` |
//! | `Signal` | a step of the plan waits for it, or will | `StepAnswered`, then as `Succeeded`; or `SignalKept` |
//! | `Forestall` | no run | `RunCreated` `StepSkipped`* `RunCanceled` |
//! | `ChildStarted` | the attempt is in flight, its child was not known | `ChildStarted` |
//! | `ChildEnded` | the attempt is in flight | `ChildStarted`?, then as `Succeeded` or `Failed` |
//! | `ChildClosed`, `ParentTold` | there was something to close, or to tell | `ChildClosed`, `ParentTold` |
//! | `TimerFired` | `limit/…`, current | `ChildClosing`?, then as `Failed` (`TIMEOUT`) |
//! | `Start` | … and the run belongs to a concurrency group | `RunCreated` |
//! | `Admit` | the run waits for a slot of its group | `RunStarted`, then *advance* |
//! | `GroupNoted` | the record of the group was to be brought in line | `GroupNoted` |
//! | `Close` | the run has not ended, nor is about to | as `Cancel`, or abort |
//! | `Cancel` | the run has not ended | *stop*, `RunCanceled` |
//! | `Cancel` | … and has compensation steps | *stop*, `RunCanceling`, then *advance*; when all is undone `RunCanceled` |
//! | `Steer`: pause, quarantine | the run has not ended, is not held so already | `RunPaused`, `RunQuarantined` |
//! | `Steer`: resume, release | it is held so | `RunResumed`, `RunReleased`, then *advance* |
//! | `Steer`: abort | the run has not ended | *stop*, `RunAborted` |
//! | `Steer`: skip | the step is not settled, or failed for good | `StepSteered` (`StepReopened`* `RunReopened`?)? `StepSkipped`, then *advance* |
//! | `Steer`: execute | the step waits for its retry or a free slot, or is held back | `StepSteered` `StepDispatched`? |
//! | `Steer`: retry | the step failed for good, the run failed or is running | `StepSteered` `StepReopened`* `RunReopened`?, then *advance* |
//!
//! *Settle the failure*: the first of step, task and workflow that says something decides.
//!
//! | decision | events |
//! |---|---|
//! | ignore | `StepCompleted` with output null and the error |
//! | fallback | `StepFellBack`; the step is ready again |
//! | continue | `StepFailed` (continued) |
//! | fail, halt, in a block | `StepFailed`, *stop* the block, then *settle the failure* of the block |
//! | goto | `StepFailed` `StepJumpedTo`, *stop* the other steps of the block that do not follow the target |
//! | compensate | `StepFailed` `CompensationOpened`, then as if nothing had been said |
//! | fail, compensate | `StepFailed`, *stop*, `RunFailing`; when all is undone `CompensationOpened`, then `RunFailed` |
//! | fail, halt | `StepFailed`, *stop*, `NotificationRequested`?, `RunFailed` |
//! | fail, notify | `StepFailed` `NotificationRequested` |
//!
//! *Advance*, until nothing is left to decide: each step whose dependencies are settled becomes `StepReady`,
//! `StepOpened` with a `ScopeOpened` (a block), `StepSkipped`, or fails; a block whose scope has nothing pending is
//! `StepCompleted`, or fails if a step in it failed; ready steps are `StepDispatched` while slots are free; when the root
//! scope has nothing pending, `RunCompleted`, or `RunFailed` if a step failed. A run that is held dispatches nothing; all
//! else goes on, so what is in flight may bring it to its end, if no step at all is left then. *Stop*: what is in flight
//! or open becomes `StepCanceled` (with `ChildClosing`, where a child run is to end with it), what has not begun
//! `StepSkipped`.
//!
//! # Scopes
//!
//! A step instance is a node in a scope ([`Place`]). Scope 0 is the run; a block of the plan (Parallel, a branch, an iteration) gets a
//! scope each time it runs, with its parent, the node that opened it, the number of steps its end waits for, and its
//! join. A failure that nobody takes on himself travels from scope to scope: it fails the block, then the block around
//! it, then the run. Scopes are kept when they are done, for expressions to read; an iteration of a loop goes when it is
//! finished, so a loop holds what is in flight.

mod batch;
mod block;
mod bounds;
mod child;
mod data;
mod dispatch;
mod effect;
mod elsewhere;
mod errand;
mod event;
mod evolve;
mod failure;
mod finish;
mod group;
mod identity;
mod input;
mod invariant;
mod jump;
mod list;
mod machine;
mod migrate;
mod names;
mod output;
mod pause;
mod phase;
mod ready;
mod reopen;
mod repeat;
mod replay;
mod result;
mod scopes;
mod start;
mod state;
mod steer;
mod structure;
mod transition;
mod view;
mod wait;

pub use bounds::{MAX_DATA_DEPTH, MAX_ERROR_MESSAGE_BYTES};
pub use child::{Closing, HOPS_LABEL, PARENT_LABEL, Parent};
pub use data::Data;
pub use dispatch::HOST_RETRY_GRACE;
pub use effect::{
    Dispatch, Effect, HandlerCall, HandlerKey, HandlerKeyKind, StepJob, TENANT_LABEL,
};
pub use elsewhere::{RowValues, Taken};
pub use errand::Errand;
pub use event::{Event, RunError, SkipReason};
pub use evolve::Unfitting;
pub use group::{GROUP_LABEL, GroupState, MAX_GROUP_NAME, group_label};
pub use identity::child_run;
pub use input::{Input, RetryOwner, Start, StepError};
pub use invariant::check_invariants;
pub use migrate::{Difference, differences, migrate};
pub use repeat::{MAX_COLLECTED, MAX_COLLECTED_BYTES, MAX_PARALLELISM};
pub use replay::ReplayError;
pub use start::{DEADLINE_TIMER, RESERVED_LABELS};
pub use state::{
    BlockState, Cursor, Failing, Hold, Phase, Place, RunState, ScopeId, ScopeState, Signal,
    StepState, Vote, WaitState,
};
pub use steer::{Command, Order, StepOrder};
pub use transition::{Answer, Next, Rejection, Transition, apply};
pub use view::{IterationsView, RunView, StepView};
pub use wait::{Decision, MAX_KEPT_SIGNALS};
