//! Expressions: `${{ steps.review.output.approved && !input.draft }}`.
//!
//! Parsed once when a manifest is loaded, evaluated as often as needed, pure: an expression sees its
//! [`Scope`] and nothing else, the same scope gives the same value, and every bound that a hostile text or
//! value could exceed is a typed error. The language is described for users in `docs/expressions.md`.
//!
//! ```
//! use ossa_runtime::expression::{Dialects, MapScope, Template};
//! use serde_json::json;
//!
//! let template = Template::parse_value(
//!     &json!({"to": "${{ input.email }}", "subject": "Order ${{ input.order.id }}"}),
//!     Dialects::FIELDS,
//! )?;
//! let input = json!({"email": "ada@example.org", "order": {"id": 42}});
//! let scope = MapScope::from_iter([("input".to_owned(), input)]);
//! assert_eq!(
//!     template.render(&scope)?,
//!     json!({"to": "ada@example.org", "subject": "Order 42"}),
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod ast;
mod builtin;
mod compare;
mod compiled;
mod dialect;
mod error;
mod evaluate;
mod filter;
mod lexer;
mod limits;
mod operand;
mod parser;
mod pattern;
mod references;
mod resolve;
mod scope;
mod stored;
mod template;
mod text;

pub use compare::truthy;
pub use compiled::Expression;
pub use dialect::Dialects;
pub use error::{Code, EvaluationError, ExpressionError};
pub use limits::{
    MAX_DEPTH, MAX_MATCHED_BYTES, MAX_PATTERN_BYTES, MAX_PATTERNS_BYTES, MAX_SOURCE_BYTES,
    MAX_STEPS, MAX_TEXT_BYTES, MAX_VALUE_DEPTH,
};
pub(crate) use pattern::{CompiledPattern, PatternError};
pub use references::References;
pub use scope::{MapScope, NAMED_ROOTS, Scope, Segment};
pub use template::Template;
