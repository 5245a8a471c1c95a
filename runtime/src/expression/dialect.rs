//! The ways manifests mark an expression.

/// Which markers a field reads besides `${{ … }}`, which is always read.
///
/// ```
/// use ossa_runtime::expression::Dialects;
///
/// assert_eq!(Dialects::FIELDS, Dialects::TEXT.with_double_braces(true).with_dollar_braces(true));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dialects {
    double_braces: bool,
    dollar_braces: bool,
}

impl Dialects {
    /// `${{ … }}` only: prompts, transforms and extensions, where other braces belong to other languages.
    pub const TEXT: Self = Self {
        double_braces: false,
        dollar_braces: false,
    };

    /// All three: `${{ … }}`, `{{ … }}` and `${…}`, for the fields of tasks and workflows.
    pub const FIELDS: Self = Self {
        double_braces: true,
        dollar_braces: true,
    };

    /// Whether `{{ … }}` is an expression.
    #[must_use]
    pub const fn with_double_braces(self, read: bool) -> Self {
        Self {
            double_braces: read,
            ..self
        }
    }

    /// Whether `${…}` is an expression, and `${NAME}` or `${NAME:-default}` with an upper-case name an
    /// environment variable.
    #[must_use]
    pub const fn with_dollar_braces(self, read: bool) -> Self {
        Self {
            dollar_braces: read,
            ..self
        }
    }

    /// The marker that opens at the start of `rest`.
    pub(super) fn opening(self, rest: &str) -> Option<Marker> {
        if rest.starts_with("${{") {
            Some(Marker::Standard)
        } else if self.double_braces && rest.starts_with("{{") {
            Some(Marker::Double)
        } else if self.dollar_braces && rest.starts_with("${") {
            Some(Marker::Dollar)
        } else {
            None
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    Standard,
    Double,
    Dollar,
}

impl Marker {
    pub(super) const fn opening(self) -> &'static str {
        match self {
            Self::Standard => "${{",
            Self::Double => "{{",
            Self::Dollar => "${",
        }
    }

    pub(super) const fn closing(self) -> &'static str {
        match self {
            Self::Standard | Self::Double => "}}",
            Self::Dollar => "}",
        }
    }
}

/// `${NAME}` or `${NAME:-default}` at the start of `rest`: name, default and length in bytes.
pub(super) fn environment_reference(rest: &str) -> Option<(&str, Option<&str>, usize)> {
    let inner = rest.strip_prefix("${")?;
    let name_length = inner
        .bytes()
        .position(|byte| !matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_'))?;
    let (name, after) = inner.split_at_checked(name_length)?;
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    if after.starts_with('}') {
        return Some((name, None, "${}".len() + name.len()));
    }
    let default = after.strip_prefix(":-")?;
    let (default, _) = default.split_once('}')?;
    let length = "${:-}".len() + name.len() + default.len();
    (!default.contains("${")).then_some((name, Some(default), length))
}
