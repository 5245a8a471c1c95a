//! What goes wrong at the broker, in the words of the ports. None of them repeats a credential.

use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::{Error, ErrorKind};

use super::options::RabbitMqOptions;
use crate::port::StoreError;

/// The broker is away, or takes nothing for now.
pub(super) fn away(
    options: &RabbitMqOptions,
    operation: &'static str,
    reason: impl std::fmt::Display,
) -> StoreError {
    StoreError::Unavailable {
        operation,
        reason: format!("RabbitMQ at {}: {reason}", options.place()),
    }
}

/// A repetition will not mend it.
pub(super) fn refused(
    options: &RabbitMqOptions,
    operation: &'static str,
    reason: impl std::fmt::Display,
) -> StoreError {
    StoreError::Failed {
        operation,
        reason: format!("RabbitMQ at {}: {reason}", options.place()),
    }
}

pub(super) fn fault(
    options: &RabbitMqOptions,
    operation: &'static str,
    error: &Error,
) -> StoreError {
    let ErrorKind::ProtocolError(answer) = error.kind() else {
        return away(options, operation, error);
    };
    let words = answer.get_message();
    match answer.kind() {
        AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED)
            if is_about_a_queue(words.as_str()) =>
        {
            refused(
                options,
                operation,
                format!("{words}{}. {HOW_TO_REPLACE}", kind_of(words.as_str())),
            )
        }
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => refused(
            options,
            operation,
            format!("{words}; check user, password and permissions"),
        ),
        AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => refused(
            options,
            operation,
            format!("{words}; check the virtual host and its permissions"),
        ),
        _ => away(options, operation, words),
    }
}

/// What to do about a queue that is there with other properties.
pub(super) const HOW_TO_REPLACE: &str = "The queue was made by somebody else, or with other settings: \
    this transport needs durable quorum queues. Empty and delete it, or use another `queue` or `prefix`";

/// In what the broker says of a queue that is there with other properties.
const DIFFERENT: &str = "inequivalent arg";

/// The broker's words about a queue that is there with other properties, out of a refusal.
pub(super) fn different_queue(reason: &str) -> Option<&str> {
    let words = reason.strip_suffix(HOW_TO_REPLACE)?;
    Some(words.trim_end_matches([' ', '.']))
}

fn is_about_a_queue(words: &str) -> bool {
    words.contains(DIFFERENT)
}

/// RabbitMQ names the type of a queue only if it is not the classic one.
fn kind_of(words: &str) -> &'static str {
    if words.contains("x-queue-type") {
        " (it is no quorum queue)"
    } else {
        ""
    }
}
