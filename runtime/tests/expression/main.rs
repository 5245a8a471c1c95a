//! The expression language, tested through its public face.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod collections;
mod corpus;
mod errors;
mod limits;
mod pages;
mod properties;
mod references;
mod scopes;
mod semantics;
mod strict;
mod templates;

use ossa_runtime::expression::{Code, Expression, MapScope};
use serde_json::{Value, json};

/// A scope over the members of a JSON object.
pub(crate) fn scope(roots: Value) -> MapScope {
    match roots {
        Value::Object(roots) => MapScope::new(roots),
        other => panic!("the roots of a scope are an object, not {other}"),
    }
}

/// The value of an expression over the members of a JSON object.
pub(crate) fn value(source: &str, roots: Value) -> Value {
    let expression = Expression::parse(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    expression
        .evaluate(&scope(roots))
        .unwrap_or_else(|error| panic!("{source}: {error}"))
}

/// Asserts that each expression has the value beside it, over the same names.
pub(crate) fn all(roots: &Value, cases: &[(&str, Value)]) {
    for (source, expected) in cases {
        assert_eq!(&value(source, roots.clone()), expected, "{source}");
    }
}

/// The value of an expression that needs no names.
pub(crate) fn constant(source: &str) -> Value {
    value(source, json!({}))
}

/// Why a text is rejected.
pub(crate) fn rejection(source: &str) -> Code {
    match Expression::parse(source) {
        Ok(_) => panic!("{source} was accepted"),
        Err(error) => error.kind(),
    }
}
