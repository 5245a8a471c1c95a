//! The classes of `Ossa\Runtime`, one a file.
//!
//! PHP code cannot make instances: constructors are private, static methods and other instances hand them out.

mod binding;
mod channel_delivery;
mod channel_options;
mod channels;
mod circuit_breakers;
mod conformance_suite;
mod dead_letters;
mod delivery;
pub(crate) mod diagnostic;
pub(crate) mod engine;
mod engine_options;
mod expression;
mod key_value_store;
mod manifest;
mod operator;
mod policies;
mod router;
mod run;
mod run_options;
mod run_summary;
mod started_run;
mod step_claim;
mod step_dispatch;
mod step_report;
mod store_schema;
pub(crate) mod transport;

use ext_php_rs::builders::ModuleBuilder;

/// Adds the classes to the module.
pub(crate) fn register(module: ModuleBuilder<'_>) -> ModuleBuilder<'_> {
    module
        .class::<engine::Engine>()
        .class::<started_run::StartedRun>()
        .class::<step_claim::StepClaim>()
        .class::<step_report::StepReport>()
        .class::<step_dispatch::StepDispatch>()
        .class::<run_summary::RunSummary>()
        .class::<run::Run>()
        .class::<operator::Operator>()
        .class::<manifest::Manifest>()
        .class::<diagnostic::Diagnostic>()
        .class::<transport::Transport>()
        .class::<delivery::Delivery>()
        .class::<channels::Channels>()
        .class::<channel_delivery::ChannelDelivery>()
        .class::<dead_letters::DeadLetters>()
        .class::<key_value_store::KeyValueStore>()
        .class::<circuit_breakers::CircuitBreakers>()
        .class::<expression::Expression>()
        .class::<router::Router>()
        .class::<store_schema::Schema>()
        .class::<conformance_suite::ConformanceSuite>()
}
