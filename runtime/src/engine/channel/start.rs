//! Messages that start runs: the engine takes those deliveries itself.

use serde_json::{Map, Value, json};

use super::super::core::Core;
use super::super::start::{StartRequest, Startable};
use super::receive::{ChannelDelivery, started_by_engine};
use super::subscriber::Target;
use crate::error::{Category, Error, code};
use crate::port::Labels;
use crate::run::{HOPS_LABEL, StepError, TENANT_LABEL};

/// At most so many are started in one call.
const BATCH: usize = 64;

impl Core {
    /// Starts the runs that messages on their way start; returns whether there may be more.
    pub(in crate::engine) fn start_delivered(&self) -> Result<bool, Error> {
        let table = self.table()?;
        let names = started_by_engine(&table);
        if names.is_empty() {
            return Ok(false);
        }
        let found = self.take_deliveries(&table, &names, BATCH)?;
        let more = found.deliveries.len() + found.turned_away >= BATCH;
        for delivery in found.deliveries {
            let Some(subscriber) = table.subscriber(&delivery.subscriber) else {
                continue;
            };
            if let Target::Start { reference, kind } = &subscriber.target {
                let what = Startable::Reference {
                    reference: reference.clone(),
                    kind: kind.map(Into::into),
                };
                self.start_one(&delivery, what)?;
            }
        }
        Ok(more)
    }

    /// Starts one run; starting it again is the same start.
    fn start_one(&self, delivery: &ChannelDelivery, what: Startable) -> Result<(), Error> {
        let envelope = &delivery.envelope;
        let metadata = &envelope.metadata;
        let whole = (*envelope.payload).clone();
        // What the run publishes is one hop further than what started it.
        let hops = envelope.hops().saturating_add(1);
        let mut labels = Labels::from([(HOPS_LABEL.to_owned(), hops.to_string())]);
        let tenant = envelope.tenant().map(ToOwned::to_owned);
        labels.extend(tenant.map(|tenant| (TENANT_LABEL.to_owned(), tenant)));
        let request = StartRequest {
            idempotency_key: Some(delivery.effect_key.clone()),
            correlation_id: metadata
                .correlation_id
                .clone()
                .or_else(|| Some(envelope.id.clone())),
            traceparent: metadata.traceparent.clone(),
            priority: delivery.priority,
            labels,
            trigger: Some(json!({ "event": whole, "message": envelope.to_json() })),
            ..StartRequest::of("", input_of(whole.clone()))
        };
        let with = |input: Value| StartRequest {
            what: what.clone(),
            input: input.into(),
            ..request.clone()
        };
        let mut started = self.start_now(with(input_of(whole.clone())));
        if started
            .as_ref()
            .is_err_and(|error| error.category() == Category::Input)
            && let Some(input) = self.same_names(&what, &whole)
        {
            started = self.start_now(with(input));
        }
        match started {
            Ok(()) => match self.ack_delivery(delivery) {
                // Somebody else has started it as well: that is one run.
                Err(error) if error.code() != code::LEASE_LOST => Err(error),
                Ok(()) | Err(_) => Ok(()),
            },
            Err(error) => {
                let failed = StepError {
                    retryable: Some(error.is_retryable()),
                    ..StepError::new(error.code(), error.to_string())
                };
                match self.fail_delivery(delivery, &failed) {
                    Err(error) if error.code() != code::LEASE_LOST => Err(error),
                    Ok(_) | Err(_) => Ok(()),
                }
            }
        }
    }

    fn start_now(&self, request: StartRequest) -> Result<(), Error> {
        let started = self.start_many(vec![request]).pop();
        started.map_or(Ok(()), |it| it.map(drop))
    }

    /// Of a payload those members that the input of the workflow has, too.
    fn same_names(&self, what: &Startable, payload: &Value) -> Option<Value> {
        let plan = match what {
            Startable::Reference { reference, kind } => self.library.plan(reference, *kind).ok()?,
            Startable::Plan(plan) => plan.clone(),
        };
        let members = payload.as_object()?;
        let schema = plan.input()?;
        let mut input = Map::new();
        for name in schema.properties() {
            if let Some(value) = members.get(name) {
                input.insert(name.to_owned(), value.clone());
            }
        }
        Some(Value::Object(input))
    }
}

/// What is no object is one member of the input.
fn input_of(payload: Value) -> Value {
    match payload {
        Value::Object(_) => payload,
        Value::Null => json!({}),
        other => json!({ "payload": other }),
    }
}
