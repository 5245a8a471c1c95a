//! The one error at the crate's edge: stable code, message, help, whether to try again, and the data that goes with it.
//!
//! Hosts branch on [`Error::category`] and [`Error::code`], never on the message. Every code has a page in
//! `runtime/errors/`. No message contains a credential: adapters redact their DSN before it reaches an error.

use std::fmt;

use crate::manifest::Diagnostic;
use crate::port::{RunId, StoreError};

/// The codes of errors that arise in the engine itself.
pub mod code {
    /// No run has this id.
    pub const RUN_NOT_FOUND: &str = "OSSA-N001";
    /// The text is not a step token.
    pub const TOKEN_MALFORMED: &str = "OSSA-N002";
    /// The token was signed by another store, or made up.
    pub const TOKEN_FOREIGN: &str = "OSSA-N003";
    /// A run changed under every try to change it.
    pub const RUN_BUSY: &str = "OSSA-N004";
    /// The input breaks the schema of the task or workflow.
    pub const INPUT_INVALID: &str = "OSSA-N005";
    /// The plan a run is pinned to is not in the store, or this build cannot read it.
    pub const PLAN_UNREADABLE: &str = "OSSA-N006";
    /// What is stored of a run cannot be read by this build.
    pub const RUN_UNREADABLE: &str = "OSSA-N007";
    /// The run has no such step.
    pub const STEP_NOT_FOUND: &str = "OSSA-N008";
    /// The step is not in a state for what was asked.
    pub const STEP_NOT_FAILED: &str = "OSSA-N009";
    /// The run is not in a state for what was asked.
    pub const RUN_ENDED: &str = "OSSA-N010";
    /// The message is not held by this consumer.
    pub const NOT_HELD: &str = "OSSA-N011";
    /// The claim is lost: the message is, or soon will be, someone else's.
    pub const LEASE_LOST: &str = "OSSA-N012";
    /// An argument is wrong.
    pub const BAD_ARGUMENT: &str = "OSSA-N013";
    /// The body of a step item cannot be read.
    pub const ITEM_UNREADABLE: &str = "OSSA-N014";
    /// A value is larger than the engine keeps.
    pub const TOO_LARGE: &str = "OSSA-N015";
    /// The manifest cannot be run; the diagnostics say why.
    pub const MANIFEST_NOT_RUNNABLE: &str = "OSSA-N016";
    /// A background thread could not be started.
    pub const NO_THREAD: &str = "OSSA-N017";

    /// Pending acks could not be written in time.
    pub const NOT_FLUSHED: &str = "OSSA-N018";

    /// The file of an exported run is damaged, or none.
    pub const EXPORT_DAMAGED: &str = "OSSA-N019";

    /// The file of an exported run was written by a newer version.
    pub const EXPORT_TOO_NEW: &str = "OSSA-N020";

    /// The store has the run, or one with its idempotency key, with another history.
    pub const RUN_EXISTS: &str = "OSSA-N021";

    /// The messages of the queue cannot be looked at.
    pub const NOT_BROWSABLE: &str = "OSSA-N022";

    /// A payload breaks the schema that is declared for it.
    pub const PAYLOAD_INVALID: &str = "OSSA-N023";

    /// There is no such dead letter.
    pub const DEAD_LETTER_NOT_FOUND: &str = "OSSA-N024";

    /// There is no such subscriber, or it is of another kind.
    pub const SUBSCRIBER_NOT_FOUND: &str = "OSSA-N025";

    /// More is published on a channel than it takes.
    pub const RATE_LIMITED: &str = "OSSA-N026";

    /// Every code of this module, in order.
    pub const ALL: &[&str] = &[
        RUN_NOT_FOUND,
        TOKEN_MALFORMED,
        TOKEN_FOREIGN,
        RUN_BUSY,
        INPUT_INVALID,
        PLAN_UNREADABLE,
        RUN_UNREADABLE,
        STEP_NOT_FOUND,
        STEP_NOT_FAILED,
        RUN_ENDED,
        NOT_HELD,
        LEASE_LOST,
        BAD_ARGUMENT,
        ITEM_UNREADABLE,
        TOO_LARGE,
        MANIFEST_NOT_RUNNABLE,
        NO_THREAD,
        NOT_FLUSHED,
        EXPORT_DAMAGED,
        EXPORT_TOO_NEW,
        RUN_EXISTS,
        NOT_BROWSABLE,
        PAYLOAD_INVALID,
        DEAD_LETTER_NOT_FOUND,
        SUBSCRIBER_NOT_FOUND,
        RATE_LIMITED,
    ];
}

/// What an error is about; the extension has one exception class for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Category {
    /// A manifest is missing, invalid, or cannot be run.
    Manifest,
    /// Input breaks the schema of the task or workflow.
    Input,
    /// A run or step is unknown, or not in a state for what was asked.
    Engine,
    /// A token is malformed, forged, or of another store.
    Token,
    /// The store failed.
    Store,
    /// A queue operation failed.
    Transport,
    /// An expression cannot be parsed or evaluated.
    Expression,
    /// An argument is wrong.
    Argument,
}

/// An error of the runtime.
#[derive(Debug, Clone, PartialEq)]
pub struct Error(Box<Detail>);

#[derive(Debug, Clone, PartialEq)]
struct Detail {
    category: Category,
    code: &'static str,
    message: String,
    help: Option<String>,
    retryable: bool,
    run: Option<RunId>,
    step: Option<String>,
    diagnostics: Vec<Diagnostic>,
    violations: Vec<String>,
    offset: Option<usize>,
}

impl Error {
    /// An error that a repetition will not mend, without further data.
    #[must_use]
    pub fn new(category: Category, code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Detail {
            category,
            code,
            message: message.into(),
            help: None,
            retryable: false,
            run: None,
            step: None,
            diagnostics: Vec::new(),
            violations: Vec::new(),
            offset: None,
        }))
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Says that the same call may succeed later without anyone changing anything.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.0.retryable = true;
        self
    }

    /// Names the run.
    #[must_use]
    pub fn of_run(mut self, run: RunId) -> Self {
        self.0.run = Some(run);
        self
    }

    /// Names the step.
    #[must_use]
    pub fn of_step(mut self, step: impl Into<String>) -> Self {
        self.0.step = Some(step.into());
        self
    }

    /// Adds what was found in the manifest.
    #[must_use]
    pub fn with_diagnostics(mut self, diagnostics: Vec<Diagnostic>) -> Self {
        self.0.diagnostics = diagnostics;
        self
    }

    /// Adds each violation of a schema, with its JSON path.
    #[must_use]
    pub fn with_violations(mut self, violations: Vec<String>) -> Self {
        self.0.violations = violations;
        self
    }

    /// Adds the byte offset in the source of an expression.
    #[must_use]
    pub fn at_offset(mut self, offset: usize) -> Self {
        self.0.offset = Some(offset);
        self
    }

    /// The same error as one of another category: a store's failure met by a transport is the transport's.
    #[must_use]
    pub fn in_category(mut self, category: Category) -> Self {
        self.0.category = category;
        self
    }

    /// What it is about.
    #[must_use]
    pub fn category(&self) -> Category {
        self.0.category
    }

    /// Stable code; `ossa explain CODE` prints its page.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// What failed and with which value.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// Whether the same call may succeed later without anyone changing anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// The run concerned.
    #[must_use]
    pub fn run(&self) -> Option<RunId> {
        self.0.run
    }

    /// The step concerned.
    #[must_use]
    pub fn step(&self) -> Option<&str> {
        self.0.step.as_deref()
    }

    /// What was found in the manifest.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0.diagnostics
    }

    /// Each violation of a schema, with its JSON path.
    #[must_use]
    pub fn violations(&self) -> &[String] {
        &self.0.violations
    }

    /// Byte offset in the source of an expression.
    #[must_use]
    pub fn offset(&self) -> Option<usize> {
        self.0.offset
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let converted = Self::new(Category::Store, error.code(), error.to_string());
        if error.is_retryable() {
            converted.retryable()
        } else {
            converted
        }
    }
}
