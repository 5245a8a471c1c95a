//! Putting an attempt into the queue.

use std::time::Duration;

use serde_json::Value;

use super::bounds::{MAX_DATA_DEPTH, is_too_deep};
use super::child::HOPS_LABEL;
use super::effect::{Dispatch, Effect, StepJob, TENANT_LABEL};
use super::event::Event;
use super::input::{RetryOwner, StepError};
use super::machine::{Machine, expression_error};
use super::names::Given;
use super::state::Place;
use super::transition::Rejection;
use crate::manifest::model::Binding;
use crate::plan::{PlannedBinding, TaskCall};
use crate::policy::RetryPolicy;
use crate::port::Timestamp;

/// How long after a retry is due its item becomes visible when the host waits out the delay: a safety net, for the case
/// that the host loses its message.
pub const HOST_RETRY_GRACE: Duration = Duration::from_secs(300);

impl Machine<'_> {
    /// Dispatches the next attempt of a ready step.
    pub(super) fn dispatch(&mut self, place: Place) -> Result<(), Rejection> {
        let attempt = self.step(place)?.attempt.saturating_add(1);
        if self.runs_child(place) {
            return self.dispatch_child(place, attempt);
        }
        match self.job(place, attempt)? {
            Ok(job) => {
                self.record(Event::StepDispatched {
                    step: job.step.clone(),
                    scope: place.scope.0,
                    node: place.node.0,
                    attempt,
                })?;
                self.enqueue(job, self.now);
                Ok(())
            }
            Err(error) => self.settle_failure(place, error).map(drop),
        }
    }

    /// Dispatches the attempt that follows a failed one, when it is due.
    pub(super) fn dispatch_retry(
        &mut self,
        place: Place,
        attempt: u32,
        due: Timestamp,
        retry_owner: RetryOwner,
    ) -> Result<Result<(), StepError>, Rejection> {
        let job = match self.runs_child(place) {
            true => None,
            false => match self.job(place, attempt)? {
                Ok(job) => Some(job),
                Err(error) => return Ok(Err(error)),
            },
        };
        self.record(Event::StepRetryScheduled {
            step: self.node(place)?.id.clone(),
            scope: place.scope.0,
            node: place.node.0,
            attempt,
            due,
        })?;
        let visible = match retry_owner {
            _ if self.state.is_held() => Timestamp::NEVER,
            RetryOwner::Engine => due,
            RetryOwner::Host => due.after(HOST_RETRY_GRACE),
        };
        match job {
            Some(job) => self.enqueue(job, visible),
            None => self.start_child_at(place, attempt, visible),
        }
        Ok(Ok(()))
    }

    fn enqueue(&mut self, job: StepJob, not_before: Timestamp) {
        let start = self.state.start();
        let step = crate::port::StepRef {
            run: job.run,
            scope: job.scope,
            node: job.node,
            attempt: job.attempt,
        };
        let dispatch = Dispatch {
            step,
            queue: start.queue.clone(),
            priority: start.priority,
            not_before,
            timeout: Duration::from_millis(job.timeout_ms),
            job,
        };
        self.effects.push(Effect::Dispatch(Box::new(dispatch)));
    }

    /// What a worker is to do for an attempt.
    fn job(&mut self, place: Place, attempt: u32) -> Result<Result<StepJob, StepError>, Rejection> {
        let node = self.node(place)?;
        let call = self.call(place)?;
        let step = self.step(place)?;
        let (fallback, discounted) = (step.fallback, step.discounted);
        let mut input = step.input.clone().unwrap_or_default().into_value();
        if fallback {
            // The step's input was checked against another task.
            if let Some(schema) = &call.input_schema {
                schema.apply_defaults(&mut input);
            }
            if let Err(error) = self.check_input(place, call, &input)? {
                return Ok(Err(error));
            }
        }
        let bindings = match self.bindings(place, call, &input) {
            Ok(bindings) => bindings,
            Err(error) => return Ok(Err(*error)),
        };
        let start = self.state.start();
        Ok(Ok(StepJob {
            run: start.run,
            workflow: self.plan.name().to_owned(),
            step: node.id.clone(),
            scope: place.scope.0,
            node: place.node.0,
            attempt,
            max_attempts: self
                .policy(call)
                .map_or(1, |p| p.max_attempts)
                .saturating_add(discounted),
            effect_key: format!("{}/{}/{}", start.run, place.scope.0, place.node.0),
            execution: call.execution,
            input,
            calls: call.calls.clone(),
            bindings,
            timeout_ms: u64::try_from(call.timeout.as_millis()).unwrap_or(u64::MAX),
            correlation_id: start.correlation_id.clone(),
            traceparent: start.traceparent.clone(),
            tenant: start.labels.get(TENANT_LABEL).cloned(),
            hops: start
                .labels
                .get(HOPS_LABEL)
                .and_then(|hops| hops.parse().ok())
                .unwrap_or(0),
        }))
    }

    fn bindings(
        &self,
        place: Place,
        call: &TaskCall,
        input: &Value,
    ) -> Result<Vec<Binding>, Box<StepError>> {
        let render = |binding: &PlannedBinding| {
            let names = self.names_of_task(place, call, Given::Value(input), "binding");
            let config = binding.config.as_ref().map(|config| config.render(&names));
            let subject = || format!("the configuration of binding `{}`", binding.capability);
            let config = config
                .transpose()
                .map_err(|error| expression_error(&subject(), &error))?;
            if config.as_ref().is_some_and(is_too_deep) {
                let message = format!("{} nests deeper than {MAX_DATA_DEPTH} levels", subject());
                return Err(Box::new(StepError::new("VALIDATION_FAILED", message)));
            }
            Ok(Binding {
                capability: binding.capability.clone(),
                host: binding.host.clone(),
                service: binding.service.clone(),
                method: binding.method.clone(),
                config,
            })
        };
        call.bindings.iter().map(render).collect()
    }

    /// The policy in force for a task: the manifest's, else the host's default; `None` = no retry unless asked for.
    pub(super) fn policy<'p>(&'p self, call: &'p TaskCall) -> Option<&'p RetryPolicy> {
        call.retry
            .as_ref()
            .or(self.state.start().default_retry.as_ref())
    }
}
