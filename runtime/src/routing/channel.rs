//! Names of channels, patterns of them, and globs on the names of sources.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::manifest::model::Wildcards;

use super::code;

/// The longest name or pattern, in characters.
pub const MAX_CHANNEL_CHARS: usize = 255;

/// What the names of the runtime's own channels begin with.
pub const RESERVED_PREFIXES: [&str; 3] = ["ossa.", "system.", "internal."];

/// The last segment of a channel for dead letters.
const DEAD_LETTERS: &str = "dlq";

/// Why a text is no name or pattern of channels.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ChannelError {
    code: &'static str,
    message: String,
    help: &'static str,
}

impl ChannelError {
    fn name(message: String, help: &'static str) -> Self {
        Self {
            code: code::BAD_CHANNEL,
            message,
            help,
        }
    }

    fn pattern(message: String, help: &'static str) -> Self {
        Self {
            code: code::BAD_PATTERN,
            message,
            help,
        }
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        self.help
    }
}

/// The name of one channel: segments of lower-case letters, digits, `-` and `_`, with dots between them. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelName(Arc<str>);

impl ChannelName {
    /// The channel of that name.
    ///
    /// # Errors
    /// When the text is empty, too long, or has a segment that a channel cannot have.
    pub fn parse(name: &str) -> Result<Self, ChannelError> {
        check(name, Wild::None)?;
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts between the dots.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }

    /// Whether it is one of the runtime's own.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        is_reserved(&self.0)
    }

    /// Whether it holds dead letters. A message of it is never dead-lettered again.
    #[must_use]
    pub fn is_dead_letters(&self) -> bool {
        self.0.rsplit('.').next() == Some(DEAD_LETTERS)
    }

    /// The channel for its dead letters, unless another is configured: `{channel}.dlq`, and itself if it is one. A
    /// name that would grow too long loses its end.
    #[must_use]
    pub fn dead_letters(&self) -> Self {
        if self.is_dead_letters() {
            return self.clone();
        }
        let most = MAX_CHANNEL_CHARS - DEAD_LETTERS.len() - 1;
        // All characters of a name take one byte.
        let kept = self.0.get(..most).unwrap_or(&self.0);
        Self(format!("{}.{DEAD_LETTERS}", kept.trim_end_matches('.')).into())
    }
}

impl FromStr for ChannelName {
    type Err = ChannelError;

    fn from_str(name: &str) -> Result<Self, ChannelError> {
        Self::parse(name)
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelName({:?})", &*self.0)
    }
}

/// Whether a name or pattern is about the runtime's own channels.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    RESERVED_PREFIXES
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// A pattern of channels.
///
/// `*` stands for one segment, or for a part of one (`eu-*`); `#` for any number of segments, none included. A pattern
/// that is nothing but `*` or `#` matches every channel. With [`Wildcards::Multi`], a `*` at the start or the end stands
/// for one segment or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelPattern {
    source: Arc<str>,
    segments: Box<[SegmentPattern]>,
}

/// One segment of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum SegmentPattern {
    Literal(Box<str>),
    /// Any one segment.
    Any,
    /// A segment that the glob matches.
    Glob(Glob),
    /// Any number of segments.
    Rest,
}

impl ChannelPattern {
    /// The pattern that the text stands for, a `*` within its segment.
    ///
    /// # Errors
    /// When no channel can have such a name.
    pub fn parse(pattern: &str) -> Result<Self, ChannelError> {
        Self::parse_with(pattern, Wildcards::Segment)
    }

    /// The pattern that the text stands for, when a `*` reaches as far as `wildcards` says.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with(pattern: &str, wildcards: Wildcards) -> Result<Self, ChannelError> {
        check(pattern, Wild::Allowed)?;
        let source = pattern.into();
        if pattern == "*" {
            return Ok(Self {
                source,
                segments: [SegmentPattern::Rest].into(),
            });
        }
        let parts: Vec<&str> = pattern.split('.').collect();
        let last = parts.len().saturating_sub(1);
        let mut segments = Vec::with_capacity(parts.len() + 2);
        for (at, part) in parts.into_iter().enumerate() {
            let spans = wildcards == Wildcards::Multi && part == "*";
            if spans && at == 0 {
                segments.push(SegmentPattern::Rest);
            }
            segments.push(match part {
                "#" => SegmentPattern::Rest,
                "*" => SegmentPattern::Any,
                _ if part.contains('*') => SegmentPattern::Glob(Glob::new(part)),
                _ => SegmentPattern::Literal(part.into()),
            });
            if spans && at == last {
                segments.push(SegmentPattern::Rest);
            }
        }
        segments
            .dedup_by(|next, kept| *next == SegmentPattern::Rest && *kept == SegmentPattern::Rest);
        Ok(Self {
            source,
            segments: segments.into(),
        })
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether the channel is one of the pattern's.
    #[must_use]
    pub fn matches(&self, channel: &ChannelName) -> bool {
        let names: Vec<&str> = channel.segments().collect();
        let (mut at, mut next) = (0, 0);
        // Where to go on when it fails: after the last `#`, which then takes one name more.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match (self.segments.get(at), names.get(next)) {
                (None, None) => return true,
                (Some(SegmentPattern::Rest), _) => {
                    at += 1;
                    retry = Some((at, next));
                    continue;
                }
                (Some(segment), Some(name)) if segment.fits(name) => {
                    at += 1;
                    next += 1;
                    continue;
                }
                _ => {}
            }
            match &mut retry {
                Some((after, taken)) if *taken < names.len() => {
                    *taken += 1;
                    (at, next) = (*after, *taken);
                }
                _ => return false,
            }
        }
    }

    /// The name, when the pattern is the name of one channel.
    #[must_use]
    pub fn as_name(&self) -> Option<ChannelName> {
        let literal = |segment: &SegmentPattern| matches!(segment, SegmentPattern::Literal(_));
        self.segments
            .iter()
            .all(literal)
            .then(|| ChannelName(Arc::clone(&self.source)))
    }

    pub(super) fn segments(&self) -> &[SegmentPattern] {
        &self.segments
    }
}

impl FromStr for ChannelPattern {
    type Err = ChannelError;

    fn from_str(pattern: &str) -> Result<Self, ChannelError> {
        Self::parse(pattern)
    }
}

impl fmt::Display for ChannelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join("*"))
    }
}

impl SegmentPattern {
    /// Whether it matches this one segment.
    pub(super) fn fits(&self, segment: &str) -> bool {
        match self {
            Self::Literal(name) => &**name == segment,
            Self::Any | Self::Rest => true,
            Self::Glob(glob) => glob.matches(segment),
        }
    }
}

/// A glob: `*` stands for any number of characters, everything else for itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Glob {
    /// What stands between the asterisks; one part when there is none.
    parts: Box<[Box<str>]>,
}

impl Glob {
    /// The glob that the text stands for.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            parts: text.split('*').map(Box::from).collect(),
        }
    }

    /// The glob on names of agents; `ossa://agents/` before it is left out, as in names of sources.
    #[must_use]
    pub fn of_source(text: &str) -> Self {
        Self::new(agent_name(text))
    }

    /// The one text it matches, when it has no `*`.
    #[must_use]
    pub fn as_literal(&self) -> Option<&str> {
        match &*self.parts {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Whether it matches everything.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.parts.len() > 1 && self.parts.iter().all(|part| part.is_empty())
    }

    /// Whether it matches the whole text.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let (first, middle, last) = match &*self.parts {
            [] => return text.is_empty(),
            [only] => return &**only == text,
            [first, middle @ .., last] => (first, middle, last),
        };
        let Some(mut rest) = text.strip_prefix(&**first) else {
            return false;
        };
        for part in middle {
            match rest
                .find(&**part)
                .and_then(|at| rest.get(at + part.len()..))
            {
                Some(after) => rest = after,
                None => return false,
            }
        }
        rest.ends_with(&**last)
    }
}

/// The name of an agent without what some dialects write before it: `ossa://agents/`, `agent://namespace/`.
pub(super) fn agent_name(text: &str) -> &str {
    if let Some(name) = text.strip_prefix("ossa://agents/") {
        return name;
    }
    match text.strip_prefix("agent://") {
        Some(rest) => rest.rsplit('/').next().unwrap_or(rest),
        None => text,
    }
}

/// Whether wildcards may stand in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wild {
    None,
    Allowed,
}

fn check(text: &str, wild: Wild) -> Result<(), ChannelError> {
    let error = match wild {
        Wild::None => ChannelError::name,
        Wild::Allowed => ChannelError::pattern,
    };
    let subject = match wild {
        Wild::None => "a channel",
        Wild::Allowed => "a pattern of channels",
    };
    if text.is_empty() {
        return Err(error(
            format!("the name of {subject} is empty"),
            "write segments with dots between them, such as `security.vulnerabilities`",
        ));
    }
    if text.len() > MAX_CHANNEL_CHARS {
        return Err(error(
            format!(
                "{} bytes are too long for {subject}: at most {MAX_CHANNEL_CHARS} characters",
                text.len()
            ),
            "shorten the name",
        ));
    }
    for segment in text.split('.') {
        if segment.is_empty() {
            return Err(error(
                format!("`{text}` has an empty segment"),
                "write one dot between segments, and none at the ends",
            ));
        }
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_wild = |c: char| wild == Wild::Allowed && c == '*';
        let is_good = segment
            .chars()
            .enumerate()
            .all(|(at, c)| is_plain(c) || is_wild(c) || (at > 0 && matches!(c, '-' | '_')));
        if is_good || (wild == Wild::Allowed && segment == "#") {
            continue;
        }
        let help = match (wild, segment.contains(['*', '#'])) {
            (Wild::None, true) => {
                "wildcards are for subscriptions and rules; name one channel here"
            }
            (Wild::Allowed, true) => {
                "`#` stands alone between dots; `*` may stand for a part of a segment"
            }
            _ => "use lower-case letters and digits, and `-` or `_` after the first",
        };
        return Err(error(
            format!("`{}` cannot be a segment of {subject}", excerpt(segment)),
            help,
        ));
    }
    Ok(())
}

/// The beginning of a text that may be long.
fn excerpt(text: &str) -> String {
    const MOST: usize = 40;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
