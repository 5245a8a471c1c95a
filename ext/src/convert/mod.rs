//! Values on their way between PHP and the engine.
//!
//! PHP to engine ([`from_php`]):
//! - `null`, `bool`, `int`, `float` and UTF-8 `string` cross exactly. `NAN` and `INF`, strings that are not UTF-8, resources
//!   and closures are refused, by name of the argument and path within it.
//! - An array whose keys are 0…n-1 in order is a list, any other an object; integer keys become text. The empty array is an
//!   empty list, except where the argument is always an object (input, scope, trigger, output): there it is an empty object.
//!   `new \stdClass` is always an object.
//! - `JsonSerializable` stands for what it returns, a backed enum for its value, a `DateTimeInterface` for its RFC 3339 text
//!   with microseconds, `stdClass` for its properties. Other objects are refused: storing one silently changed is worse.
//! - Nesting is bounded by [`MAX_DEPTH`], which also ends references that contain themselves.
//!
//! Engine to PHP ([`to_php`]): objects become arrays, an empty object the empty array; an integer that PHP cannot hold
//! becomes its decimal text.
//!
//! Message bodies and headers never take this way: they are bytes ([`argument::Bytes`]).

pub(crate) mod argument;
pub(crate) mod from_php;
pub(crate) mod options;
pub(crate) mod to_php;

/// Deepest nesting of a value. Stored values gain a few levels around them, and the reader's limit is 128.
pub(crate) const MAX_DEPTH: usize = 100;
