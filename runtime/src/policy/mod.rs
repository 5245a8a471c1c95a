//! Policies as values and pure functions.

mod breaker;
mod follow;
mod group;
mod retry;
mod throttle;

pub use breaker::{
    Admission, Breaker, BreakerPolicy, BreakerState, CallResult, FailureRate, Probe,
};
pub use follow::{Bounds, Follower, Held, Line, MOST_WAITING, Offered, Rate, Waiting, Window};
pub use group::{Group, Member, Standing};
pub use retry::{
    Backoff, MAX_RETRY_AFTER, NON_RETRYABLE_CODES, RetryDecision, RetryPolicy, StopReason,
};
pub use throttle::{Granted, PublishRate, Throttle};
