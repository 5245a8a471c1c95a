//! Text into tokens, one at a time: what follows the closing braces of an expression is not looked at.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Number;

use super::dialect::{Dialects, Marker, environment_reference};
use super::error::{Code, ExpressionError};
use super::limits::MAX_SOURCE_BYTES;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'s> {
    End,
    Name(&'s str),
    Text(Cow<'s, str>),
    Number(Number),
    /// Digits right after a dot: `steps.0`.
    Position(i64),
    Symbol(Symbol),
    /// A marker inside a condition: `${x} === 'y'`.
    Opening(Marker),
    /// `${NAME:-default}` inside a condition.
    Environment {
        name: &'s str,
        default: Option<&'s str>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symbol {
    LeftParen,
    RightParen,
    LeftBracket,
    RightBracket,
    LeftBrace,
    RightBrace,
    Dot,
    Comma,
    Colon,
    Question,
    Pipe,
    Star,
    Tilde,
    Not,
    Or,
    And,
    Equal,
    NotEqual,
    LessOrEqual,
    Less,
    GreaterOrEqual,
    Greater,
    Match,
}

/// Longer spellings first: the first that fits is taken.
const SYMBOLS: [(&str, Symbol); 25] = [
    ("===", Symbol::Equal),
    ("!==", Symbol::NotEqual),
    ("==", Symbol::Equal),
    ("!=", Symbol::NotEqual),
    ("=~", Symbol::Match),
    ("<=", Symbol::LessOrEqual),
    (">=", Symbol::GreaterOrEqual),
    ("||", Symbol::Or),
    ("&&", Symbol::And),
    ("<", Symbol::Less),
    (">", Symbol::Greater),
    ("!", Symbol::Not),
    ("|", Symbol::Pipe),
    ("(", Symbol::LeftParen),
    (")", Symbol::RightParen),
    ("[", Symbol::LeftBracket),
    ("]", Symbol::RightBracket),
    ("{", Symbol::LeftBrace),
    ("}", Symbol::RightBrace),
    (".", Symbol::Dot),
    (",", Symbol::Comma),
    (":", Symbol::Colon),
    ("?", Symbol::Question),
    ("*", Symbol::Star),
    ("~", Symbol::Tilde),
];

const NO_ARITHMETIC: &str = "the language has no arithmetic and no concatenation: compute in a task, or write text around `${{ … }}`";

#[derive(Debug, Clone)]
pub(super) struct Lexer<'s> {
    /// The text up to the last byte that may be read.
    readable: &'s str,
    text: &'s str,
    position: usize,
    /// Markers that may stand in the expression, as in conditions.
    markers: Option<Dialects>,
    after_dot: bool,
}

impl<'s> Lexer<'s> {
    /// Reads `text` from byte `start`, which must be a character boundary.
    pub(super) fn new(text: &'s str, start: usize, markers: Option<Dialects>) -> Self {
        let longest = text.floor_char_boundary(start.saturating_add(MAX_SOURCE_BYTES));
        Self {
            readable: text.get(..longest).unwrap_or(text),
            text,
            position: start,
            markers,
            after_dot: false,
        }
    }

    pub(super) fn text(&self) -> &'s str {
        self.text
    }

    fn rest(&self) -> &'s str {
        self.readable.get(self.position..).unwrap_or("")
    }

    pub(super) fn error(
        &self,
        code: Code,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<Cow<'static, str>>,
    ) -> ExpressionError {
        ExpressionError::new(code, self.text, span, message, help)
    }

    /// The next token and its place. At the end it answers [`Token::End`] for ever.
    pub(super) fn next_token(&mut self) -> Result<(Token<'s>, Range<usize>), ExpressionError> {
        let rest = self.rest();
        let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        self.position += rest.len() - trimmed.len();
        let start = self.position;
        let after_dot = std::mem::take(&mut self.after_dot);

        let Some(first) = trimmed.chars().next() else {
            self.check_length()?;
            return Ok((Token::End, start..start));
        };
        let token = match first {
            'A'..='Z' | 'a'..='z' | '_' => self.name(trimmed),
            '$' => self.dollar(trimmed)?,
            '0'..='9' if after_dot => self.position_after_dot(trimmed)?,
            '0'..='9' => self.number(trimmed)?,
            '-' if trimmed.as_bytes().get(1).is_some_and(u8::is_ascii_digit) => {
                self.number(trimmed)?
            }
            '\'' | '"' => self.string(trimmed, first)?,
            _ => self.symbol(trimmed, first)?,
        };
        if self.position == self.readable.len() {
            self.check_length()?;
        }
        Ok((token, start..self.position))
    }

    /// Fails when the text goes on after the last byte that may be read.
    fn check_length(&self) -> Result<(), ExpressionError> {
        if self.readable.len() == self.text.len() {
            return Ok(());
        }
        let end = self.readable.len();
        Err(self.error(
            Code::SourceTooLong,
            end..self.text.len(),
            format!("the expression is longer than {MAX_SOURCE_BYTES} bytes"),
            "move the decision into a task and refer to its output",
        ))
    }

    fn name(&mut self, rest: &'s str) -> Token<'s> {
        let bytes = rest.as_bytes();
        let mut length = 1;
        while let Some(byte) = bytes.get(length) {
            let hyphen_inside =
                *byte == b'-' && bytes.get(length + 1).copied().is_some_and(is_name_byte);
            if !is_name_byte(*byte) && !hyphen_inside {
                break;
            }
            length += 1;
        }
        self.position += length;
        Token::Name(rest.get(..length).unwrap_or(rest))
    }

    fn dollar(&mut self, rest: &'s str) -> Result<Token<'s>, ExpressionError> {
        let start = self.position;
        if let Some(marker) = self.markers.and_then(|dialects| dialects.opening(rest)) {
            return Ok(self.marker(marker, rest));
        }
        if rest.starts_with("${") {
            return Err(self.error(
                Code::Syntax,
                start..start + 2,
                "unexpected `${` inside an expression",
                "write the name alone, without braces",
            ));
        }
        Ok(self.name(rest))
    }

    fn marker(&mut self, marker: Marker, rest: &'s str) -> Token<'s> {
        if marker == Marker::Dollar
            && let Some((name, default, length)) = environment_reference(rest)
        {
            self.position += length;
            return Token::Environment { name, default };
        }
        self.position += marker.opening().len();
        Token::Opening(marker)
    }

    fn position_after_dot(&mut self, rest: &'s str) -> Result<Token<'s>, ExpressionError> {
        let digits = leading_digits(rest);
        let start = self.position;
        self.position += digits.len();
        digits.parse().map(Token::Position).map_err(|_| {
            self.error(
                Code::Syntax,
                start..self.position,
                format!("the position `{digits}` is too large"),
                "positions start at 0",
            )
        })
    }

    fn number(&mut self, rest: &'s str) -> Result<Token<'s>, ExpressionError> {
        let sign = usize::from(rest.starts_with('-'));
        let after = |length: usize| rest.get(length..).unwrap_or("");
        let whole = leading_digits(after(sign));
        let mut length = sign + whole.len();
        if let Some(fraction) = after(length).strip_prefix('.') {
            let digits = leading_digits(fraction).len();
            length += if digits > 0 { 1 + digits } else { 0 };
        }
        if let Some(exponent) = after(length).strip_prefix(['e', 'E']) {
            let signed = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            let digits = leading_digits(signed).len();
            length += if digits > 0 {
                1 + exponent.len() - signed.len() + digits
            } else {
                0
            };
        }
        let written = rest.get(..length).unwrap_or(rest);
        let start = self.position;
        self.position += length;
        match written.parse::<Number>() {
            Ok(number) => Ok(Token::Number(number)),
            Err(_) => Err(self.error(
                Code::Syntax,
                start..self.position,
                format!("`{}` is not a number", super::error::excerpt(written)),
                "write numbers as in JSON: 10, -3, 0.5, 1e3; put quotes around digits that are text",
            )),
        }
    }

    fn string(&mut self, rest: &'s str, quote: char) -> Result<Token<'s>, ExpressionError> {
        let start = self.position;
        let body = rest.get(1..).unwrap_or("");
        let mut decoded: Option<String> = None;
        let mut plain_from = 0;
        let mut characters = body.char_indices();
        while let Some((at, character)) = characters.next() {
            if character == quote {
                self.position += at + 2;
                let plain = body.get(plain_from..at).unwrap_or("");
                return Ok(Token::Text(match decoded {
                    None => Cow::Borrowed(plain),
                    Some(decoded) => Cow::Owned(decoded + plain),
                }));
            }
            if character == '\\'
                && let Some((escaped_at, escaped)) = characters.next()
                && let Some(meant) = unescape(escaped)
            {
                let decoded = decoded.get_or_insert_default();
                decoded.push_str(body.get(plain_from..at).unwrap_or(""));
                decoded.push(meant);
                plain_from = escaped_at + escaped.len_utf8();
            }
        }
        self.check_length()?;
        Err(self.error(
            Code::Unclosed,
            start..start + 1,
            format!("the string opened with {quote} has no end"),
            "close the string with the quote it opened with; write \\' for a quote inside it",
        ))
    }

    fn symbol(&mut self, rest: &'s str, first: char) -> Result<Token<'s>, ExpressionError> {
        if let Some(marker) = self.markers.and_then(|dialects| dialects.opening(rest)) {
            return Ok(self.marker(marker, rest));
        }
        let start = self.position;
        for (spelling, symbol) in SYMBOLS {
            if rest.starts_with(spelling) {
                self.position += spelling.len();
                self.after_dot = symbol == Symbol::Dot;
                return Ok(Token::Symbol(symbol));
            }
        }
        let help = match first {
            '=' => "write `==` to compare",
            '&' => "write `&&` or `and`",
            '+' | '-' | '/' | '%' => NO_ARITHMETIC,
            '“' | '”' | '‘' | '’' => "use the straight quotes ' or \"",
            '#' | '@' | '`' | ';' | '\\' | '^' => {
                "put text in quotes; an expression starts with a name, a literal or a bracket"
            }
            _ => {
                "names have the letters A-Z, digits, `_`, `$` and inner hyphens; quote any other key: steps['é']"
            }
        };
        Err(self.error(
            Code::Syntax,
            start..start + first.len_utf8(),
            format!("unexpected character `{}`", first.escape_debug()),
            help,
        ))
    }

    /// Help for two operands side by side, the second a negative number: `a -1`.
    pub(super) const fn no_arithmetic() -> &'static str {
        NO_ARITHMETIC
    }
}

const fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'$')
}

fn leading_digits(text: &str) -> &str {
    let length = text
        .bytes()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    text.get(..length).unwrap_or("")
}

/// What `\character` stands for; `None` keeps the backslash, as regular expressions need it.
const fn unescape(character: char) -> Option<char> {
    match character {
        'n' => Some('\n'),
        't' => Some('\t'),
        'r' => Some('\r'),
        '\\' => Some('\\'),
        '\'' => Some('\''),
        '"' => Some('"'),
        _ => None,
    }
}
