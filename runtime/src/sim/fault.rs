//! What can go wrong, how likely it is, and how often it did.

use std::fmt;

use thiserror::Error;

/// A kind of fault, switched on and weighed by the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// Workers and engines die.
    Crash,
    /// Messages and reports come twice.
    Duplicate,
    /// Messages take long.
    Delay,
    /// Messages overtake each other.
    Reorder,
    /// Messages and answers do not arrive.
    Loss,
    /// A worker stalls until its lease has run out, and then goes on.
    Lease,
    /// The clock of a process jumps.
    Clock,
    /// What was not synced to the disk is gone, and all processes with it.
    Power,
    /// A process that remembers an older version of the run gets the next input.
    Race,
    /// Handlers fail.
    Fail,
    /// Handlers take longer than their step allows.
    Timeout,
    /// Handlers return what their contract forbids.
    Wrong,
    /// Operators intervene: cancel, pause, retry, skip…
    Operator,
}

impl FaultKind {
    /// All kinds.
    pub const ALL: [Self; 13] = [
        Self::Crash,
        Self::Duplicate,
        Self::Delay,
        Self::Reorder,
        Self::Loss,
        Self::Lease,
        Self::Clock,
        Self::Power,
        Self::Race,
        Self::Fail,
        Self::Timeout,
        Self::Wrong,
        Self::Operator,
    ];

    /// The name users write.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Duplicate => "duplicate",
            Self::Delay => "delay",
            Self::Reorder => "reorder",
            Self::Loss => "loss",
            Self::Lease => "lease",
            Self::Clock => "clock",
            Self::Power => "power",
            Self::Race => "race",
            Self::Fail => "fail",
            Self::Timeout => "timeout",
            Self::Wrong => "wrong",
            Self::Operator => "operator",
        }
    }

    /// Whether the runtime withstands it. The others are the doing of handlers and people.
    #[must_use]
    pub const fn is_infrastructure(self) -> bool {
        !matches!(
            self,
            Self::Fail | Self::Timeout | Self::Wrong | Self::Operator
        )
    }

    /// How likely it is at each occasion, unless the user says.
    const fn usual(self) -> f64 {
        match self {
            Self::Crash | Self::Lease | Self::Wrong | Self::Timeout => 0.02,
            Self::Duplicate | Self::Loss => 0.03,
            Self::Delay | Self::Race => 0.05,
            Self::Reorder => 0.2,
            Self::Clock | Self::Operator => 0.1,
            Self::Power => 0.005,
            Self::Fail => 0.05,
        }
    }

    const fn index(self) -> usize {
        self as usize
    }
}

/// One thing that went wrong at one place: what is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A worker died before it did anything.
    CrashBeforeEffect,
    /// A worker died right after the effect.
    CrashAfterEffect,
    /// A worker died when it was about to report.
    CrashBeforeReport,
    /// An engine died before it committed.
    CrashBeforeCommit,
    /// An engine died after the commit, before it answered.
    CrashAfterCommit,
    /// A message was delivered twice.
    DuplicateDelivery,
    /// A result was reported twice.
    DuplicateReport,
    /// A message took long.
    Delay,
    /// A message was overtaken.
    Reorder,
    /// A transport lost a message.
    LostMessage,
    /// A report did not arrive.
    LostReport,
    /// The answer to a report did not arrive.
    LostAnswer,
    /// A lease ran out under a worker that was still at work.
    LostLease,
    /// A clock jumped forward.
    ClockForward,
    /// A clock jumped back.
    ClockBack,
    /// The power was cut.
    PowerCut,
    /// An input met a process with an old state of the run.
    StaleState,
    /// A handler failed and may be retried.
    Failure,
    /// A handler failed for good.
    FatalFailure,
    /// A handler took too long.
    Timeout,
    /// A handler returned the wrong output.
    WrongOutput,
    /// An operator canceled the run.
    Cancel,
    /// An operator aborted the run.
    Abort,
    /// An operator paused the run, or let it go on.
    Pause,
    /// An operator set the run aside, or released it.
    Quarantine,
    /// An operator had a step skipped.
    SkipByHand,
    /// An operator had a step executed at once.
    ExecuteByHand,
    /// An operator retried a step.
    RetryByHand,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 28] = [
        Self::CrashBeforeEffect,
        Self::CrashAfterEffect,
        Self::CrashBeforeReport,
        Self::CrashBeforeCommit,
        Self::CrashAfterCommit,
        Self::DuplicateDelivery,
        Self::DuplicateReport,
        Self::Delay,
        Self::Reorder,
        Self::LostMessage,
        Self::LostReport,
        Self::LostAnswer,
        Self::LostLease,
        Self::ClockForward,
        Self::ClockBack,
        Self::PowerCut,
        Self::StaleState,
        Self::Failure,
        Self::FatalFailure,
        Self::Timeout,
        Self::WrongOutput,
        Self::Cancel,
        Self::Abort,
        Self::Pause,
        Self::Quarantine,
        Self::SkipByHand,
        Self::ExecuteByHand,
        Self::RetryByHand,
    ];

    /// The kind that switches it on.
    #[must_use]
    pub const fn kind(self) -> FaultKind {
        match self {
            Self::CrashBeforeEffect
            | Self::CrashAfterEffect
            | Self::CrashBeforeReport
            | Self::CrashBeforeCommit
            | Self::CrashAfterCommit => FaultKind::Crash,
            Self::DuplicateDelivery | Self::DuplicateReport => FaultKind::Duplicate,
            Self::Delay => FaultKind::Delay,
            Self::Reorder => FaultKind::Reorder,
            Self::LostMessage | Self::LostReport | Self::LostAnswer => FaultKind::Loss,
            Self::LostLease => FaultKind::Lease,
            Self::ClockForward | Self::ClockBack => FaultKind::Clock,
            Self::PowerCut => FaultKind::Power,
            Self::StaleState => FaultKind::Race,
            Self::Failure | Self::FatalFailure => FaultKind::Fail,
            Self::Timeout => FaultKind::Timeout,
            Self::WrongOutput => FaultKind::Wrong,
            Self::Cancel
            | Self::Abort
            | Self::Pause
            | Self::Quarantine
            | Self::SkipByHand
            | Self::ExecuteByHand
            | Self::RetryByHand => FaultKind::Operator,
        }
    }

    /// Its name in logs and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CrashBeforeEffect => "worker died before the effect",
            Self::CrashAfterEffect => "worker died after the effect",
            Self::CrashBeforeReport => "worker died before the report",
            Self::CrashBeforeCommit => "engine died before the commit",
            Self::CrashAfterCommit => "engine died before the answer",
            Self::DuplicateDelivery => "message delivered twice",
            Self::DuplicateReport => "result reported twice",
            Self::Delay => "message delayed",
            Self::Reorder => "message overtaken",
            Self::LostMessage => "message lost",
            Self::LostReport => "report lost",
            Self::LostAnswer => "answer lost",
            Self::LostLease => "lease lost",
            Self::ClockForward => "clock jumped forward",
            Self::ClockBack => "clock jumped back",
            Self::PowerCut => "power cut",
            Self::StaleState => "input met an old state",
            Self::Failure => "handler failed",
            Self::FatalFailure => "handler failed for good",
            Self::Timeout => "handler took too long",
            Self::WrongOutput => "handler returned a wrong output",
            Self::Cancel => "run canceled by an operator",
            Self::Abort => "run aborted by an operator",
            Self::Pause => "run paused or resumed by an operator",
            Self::Quarantine => "run set aside or released by an operator",
            Self::SkipByHand => "step skipped by an operator",
            Self::ExecuteByHand => "step executed by an operator",
            Self::RetryByHand => "step retried by an operator",
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

/// How likely each kind of fault is at each of its occasions, 0–1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faults {
    chances: [f64; FaultKind::ALL.len()],
}

/// Faults that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FaultsError {
    /// No kind has this name.
    #[error("there is no kind of fault `{0}`; there are {names}, all and none", names = names())]
    Unknown(String),
    /// Not a probability.
    #[error("`{0}` is no probability: write a number from 0 to 1, such as fail=0.1")]
    NotAProbability(String),
}

impl Faults {
    /// Nothing goes wrong.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            chances: [0.0; FaultKind::ALL.len()],
        }
    }

    /// Everything goes wrong now and then.
    #[must_use]
    pub fn all() -> Self {
        FaultKind::ALL.iter().fold(Self::none(), |faults, kind| {
            faults.with(*kind, kind.usual())
        })
    }

    /// All that the runtime withstands: a run ends as it would without them, unless an attempt's time is up or too many of
    /// its workers are lost.
    #[must_use]
    pub fn infrastructure() -> Self {
        let kinds = FaultKind::ALL
            .iter()
            .filter(|kind| kind.is_infrastructure());
        kinds.fold(Self::none(), |faults, kind| {
            faults.with(*kind, kind.usual())
        })
    }

    /// These faults, with another chance of one kind.
    #[must_use]
    pub fn with(mut self, kind: FaultKind, chance: f64) -> Self {
        if let Some(slot) = self.chances.get_mut(kind.index()) {
            *slot = chance.clamp(0.0, 1.0);
        }
        self
    }

    /// The chance of a kind.
    #[must_use]
    pub fn chance(&self, kind: FaultKind) -> f64 {
        self.chances.get(kind.index()).copied().unwrap_or(0.0)
    }

    /// Reads `none`, `all` or a list such as `crash,duplicate,fail=0.1`.
    ///
    /// # Errors
    /// When a kind is unknown or a chance is no probability.
    pub fn parse(text: &str) -> Result<Self, FaultsError> {
        let mut faults = Self::none();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            faults = match part {
                "none" => Self::none(),
                "all" => Self::all(),
                "infrastructure" => Self::infrastructure(),
                _ => faults.with_part(part)?,
            };
        }
        Ok(faults)
    }

    fn with_part(self, part: &str) -> Result<Self, FaultsError> {
        let (name, chance) = match part.split_once('=') {
            Some((name, chance)) => (name.trim(), Some(chance.trim())),
            None => (part, None),
        };
        let kind = FaultKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name);
        let kind = kind.ok_or_else(|| FaultsError::Unknown(name.to_owned()))?;
        let chance = match chance {
            None => kind.usual(),
            Some(text) => text
                .parse()
                .ok()
                .filter(|chance| (0.0..=1.0).contains(chance))
                .ok_or_else(|| FaultsError::NotAProbability(text.to_owned()))?,
        };
        Ok(self.with(kind, chance))
    }
}

/// As [`parse`](Self::parse) reads it.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for kind in FaultKind::ALL {
            let chance = self.chance(kind);
            if chance > 0.0 {
                write!(f, "{separator}{}={chance}", kind.as_str())?;
                separator = ",";
            }
        }
        if separator.is_empty() {
            f.write_str("none")?;
        }
        Ok(())
    }
}

fn names() -> String {
    FaultKind::ALL.map(FaultKind::as_str).join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;

    #[test]
    fn a_list_of_faults_reads_back_as_it_prints() {
        for text in ["none", "crash=0.02,fail=0.1", "crash=1,clock=0.5"] {
            assert_eq!(Faults::parse(text).unwrap().to_string(), text);
        }
        let all = Faults::all();
        assert_eq!(Faults::parse(&all.to_string()).unwrap(), all);
        assert_eq!(Faults::parse("all").unwrap(), all);
    }

    #[test]
    fn what_is_no_fault_or_no_probability_is_refused() {
        assert!(matches!(
            Faults::parse("crush"),
            Err(FaultsError::Unknown(_))
        ));
        for text in ["fail=2", "fail=-1", "fail=often", "fail=NaN"] {
            let error = Faults::parse(text).unwrap_err();
            assert!(matches!(error, FaultsError::NotAProbability(_)), "{text}");
        }
    }

    #[test]
    fn lists_of_all_are_in_the_order_of_their_numbers() {
        for (number, kind) in FaultKind::ALL.iter().enumerate() {
            assert_eq!(kind.index(), number);
        }
        for (number, fault) in Fault::ALL.iter().enumerate() {
            assert_eq!(fault.index(), number);
        }
    }
}
