//! The grammar: tokens into the parsed form, by recursive descent.
//!
//! ```text
//! expression  = any [ "?" expression [ ":" expression ] ]
//! any         = all { ("||" | "or") all }
//! all         = negation { ("&&" | "and") negation }
//! negation    = "not" negation | comparison
//! comparison  = piped [ operator piped ]
//! piped       = unary { "|" name [ "(" [ arguments ] ")" ] }
//! unary       = "!" unary | postfix
//! postfix     = primary { "." ( name | "*" | digits ) | "[" ( expression | "*" ) "]" }
//! primary     = literal | name [ "(" [ arguments ] ")" ] | array | object | "(" expression ")"
//! ```

use std::ops::Range;

use super::ast::{Conditional, Filter, Node, Operator};
use super::builtin::{self, Argument, Comparison};
use super::dialect::{Dialects, Marker};
use super::error::{Code, ExpressionError};
use super::lexer::{Lexer, Symbol, Token};
use super::limits::MAX_DEPTH;

pub(super) type Parsed<T> = Result<T, ExpressionError>;

pub(super) struct Parser<'s> {
    pub(super) lexer: Lexer<'s>,
    pub(super) token: Token<'s>,
    pub(super) span: Range<usize>,
    pub(super) previous_end: usize,
    pub(super) depth: usize,
    /// Memory the literal regular expressions take so far.
    pub(super) pattern_bytes: usize,
}

/// A whole text as one expression; `markers` are those that may stand inside, as in conditions.
pub(super) fn parse_whole(text: &str, markers: Option<Dialects>) -> Parsed<Node> {
    let mut parser = Parser::new(text, 0, markers)?;
    let node = parser.expression()?;
    match parser.token {
        Token::End => Ok(node),
        _ => Err(parser.unexpected("the end of the expression")),
    }
}

/// The expression after the opening `marker` that ends at byte `start`: its parsed form, the byte where its
/// closing braces begin, and the byte after them. `pattern_bytes` counts on from one expression to the next.
pub(super) fn parse_embedded(
    text: &str,
    marker: Marker,
    start: usize,
    pattern_bytes: &mut usize,
) -> Parsed<(Node, usize, usize)> {
    let mut parser = Parser::new(text, start, None)?;
    parser.pattern_bytes = *pattern_bytes;
    let node = parser.expression()?;
    *pattern_bytes = parser.pattern_bytes;
    let closing = parser.span.start;
    if !parser.at(Symbol::RightBrace) || !parser.rest_of_text().starts_with(marker.closing()) {
        return Err(parser.missing_closing(marker, start));
    }
    Ok((node, closing, closing + marker.closing().len()))
}

impl<'s> Parser<'s> {
    fn new(text: &'s str, start: usize, markers: Option<Dialects>) -> Parsed<Self> {
        let mut lexer = Lexer::new(text, start, markers);
        let (token, span) = lexer.next_token()?;
        let parser = Self {
            lexer,
            token,
            span,
            previous_end: start,
            depth: 0,
            pattern_bytes: 0,
        };
        if matches!(parser.token, Token::End | Token::Symbol(Symbol::RightBrace)) {
            return Err(parser.error(
                Code::Empty,
                parser.span.clone(),
                "there is no expression",
                "write an expression such as steps.review.output.approved, or remove the braces",
            ));
        }
        Ok(parser)
    }

    pub(super) fn error(
        &self,
        code: Code,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<std::borrow::Cow<'static, str>>,
    ) -> ExpressionError {
        self.lexer.error(code, span, message, help)
    }

    pub(super) fn rest_of_text(&self) -> &'s str {
        self.lexer.text().get(self.span.start..).unwrap_or("")
    }

    pub(super) fn advance(&mut self) -> Parsed<Token<'s>> {
        let (token, span) = self.lexer.next_token()?;
        self.previous_end = self.span.end;
        self.span = span;
        Ok(std::mem::replace(&mut self.token, token))
    }

    pub(super) fn at(&self, symbol: Symbol) -> bool {
        self.token == Token::Symbol(symbol)
    }

    pub(super) fn at_word(&self, word: &str) -> bool {
        matches!(self.token, Token::Name(name) if name.eq_ignore_ascii_case(word))
    }

    pub(super) fn take(&mut self, symbol: Symbol) -> Parsed<bool> {
        let found = self.at(symbol);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    /// The token after the current one.
    pub(super) fn following(&self) -> Parsed<Token<'s>> {
        Ok(self.lexer.clone().next_token()?.0)
    }

    pub(super) fn deepen(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(
                Code::NestedTooDeep,
                self.span.clone(),
                format!("the expression nests deeper than {MAX_DEPTH} levels"),
                "split it: store parts in context.variables or let a task decide",
            ));
        }
        Ok(())
    }

    pub(super) fn expression(&mut self) -> Parsed<Node> {
        self.deepen()?;
        let condition = self.any()?;
        let node = if self.take(Symbol::Question)? {
            let then = self.expression()?;
            let otherwise = match self.take(Symbol::Colon)? {
                true => Some(self.expression()?),
                false => None,
            };
            Node::Conditional(Box::new(Conditional {
                condition,
                then,
                otherwise,
            }))
        } else {
            condition
        };
        self.depth -= 1;
        Ok(node)
    }

    fn any(&mut self) -> Parsed<Node> {
        let first = self.all()?;
        let mut operands = vec![first];
        while self.at(Symbol::Or) || self.at_word("or") {
            self.advance()?;
            operands.push(self.all()?);
        }
        Ok(chain(operands, Node::Any))
    }

    fn all(&mut self) -> Parsed<Node> {
        let first = self.negation()?;
        let mut operands = vec![first];
        while self.at(Symbol::And) || self.at_word("and") {
            self.advance()?;
            operands.push(self.negation()?);
        }
        Ok(chain(operands, Node::All))
    }

    fn negation(&mut self) -> Parsed<Node> {
        if !self.at_word("not") {
            return self.comparison();
        }
        self.deepen()?;
        self.advance()?;
        let operand = self.negation()?;
        self.depth -= 1;
        Ok(Node::Not(Box::new(operand)))
    }

    fn comparison(&mut self) -> Parsed<Node> {
        let left = self.piped()?;
        let Some(word) = self.comparison_operator()? else {
            return Ok(left);
        };
        let start = self.span.start;
        let right = self.piped()?;
        let right = Argument {
            node: right,
            span: start..self.previous_end,
        };
        let node = self.compare(word, left, right)?;
        if self.comparison_operator()?.is_some() {
            return Err(self.error(
                Code::Syntax,
                self.span.clone(),
                "comparisons cannot be chained",
                "combine two comparisons with `&&`, or use parentheses",
            ));
        }
        Ok(node)
    }

    pub(super) fn compare(
        &mut self,
        word: Comparison,
        left: Node,
        right: Argument,
    ) -> Parsed<Node> {
        Ok(match word {
            Comparison::Operator(operator) => Node::Compare {
                operator,
                operands: Box::new([left, right.node]),
            },
            Comparison::Matches => {
                let pattern = builtin::pattern(right, &mut self.pattern_bytes);
                Node::Matches(Box::new((left, self.checked(pattern)?)))
            }
        })
    }

    /// Reads a comparison operator when one is next.
    fn comparison_operator(&mut self) -> Parsed<Option<Comparison>> {
        let operator = match self.token {
            Token::Symbol(Symbol::Equal) => Operator::Equal,
            Token::Symbol(Symbol::NotEqual) => Operator::NotEqual,
            Token::Symbol(Symbol::Less) => Operator::Less,
            Token::Symbol(Symbol::LessOrEqual) => Operator::LessOrEqual,
            Token::Symbol(Symbol::Greater) => Operator::Greater,
            Token::Symbol(Symbol::GreaterOrEqual) => Operator::GreaterOrEqual,
            Token::Symbol(Symbol::Match) => {
                self.advance()?;
                return Ok(Some(Comparison::Matches));
            }
            Token::Name(name) if name.eq_ignore_ascii_case("not") => {
                if !matches!(self.following()?, Token::Name(next) if next.eq_ignore_ascii_case("in"))
                {
                    return Ok(None);
                }
                self.advance()?;
                Operator::NotIn
            }
            Token::Name(name) => match builtin::comparison_word(name) {
                Some(comparison) => {
                    self.advance()?;
                    return Ok(Some(comparison));
                }
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        self.advance()?;
        Ok(Some(Comparison::Operator(operator)))
    }

    fn piped(&mut self) -> Parsed<Node> {
        let value = self.unary()?;
        let mut filters = Vec::new();
        while self.take(Symbol::Pipe)? {
            filters.push(self.filter()?);
        }
        Ok(match filters.is_empty() {
            true => value,
            false => Node::Pipe {
                value: Box::new(value),
                filters: filters.into(),
            },
        })
    }

    fn filter(&mut self) -> Parsed<Filter> {
        let Token::Name(name) = self.token else {
            return Err(self.unexpected("the name of a filter"));
        };
        let span = self.span.clone();
        self.advance()?;
        let arguments = match self.at(Symbol::LeftParen) {
            true => self.arguments()?,
            false => Vec::new(),
        };
        let filter = builtin::filter(name, span, arguments, &mut self.pattern_bytes);
        self.checked(filter)
    }

    fn unary(&mut self) -> Parsed<Node> {
        if !self.at(Symbol::Not) {
            return self.postfix();
        }
        self.deepen()?;
        self.advance()?;
        let operand = self.unary()?;
        self.depth -= 1;
        Ok(Node::Not(Box::new(operand)))
    }

    pub(super) fn close(&mut self, symbol: Symbol, bracket: &str, opened: usize) -> Parsed<()> {
        if self.take(symbol)? {
            return Ok(());
        }
        if self.token == Token::End {
            return Err(self.error(
                Code::Unclosed,
                opened..opened + 1,
                format!("a bracket is not closed by `{bracket}`"),
                format!("add the missing `{bracket}`"),
            ));
        }
        Err(self.unexpected(&format!("`{bracket}`")))
    }

    pub(super) fn missing_closing(&self, marker: Marker, opened: usize) -> ExpressionError {
        if self.token != Token::End {
            return self.unexpected(&format!("`{}`", marker.closing()));
        }
        let start = opened.saturating_sub(marker.opening().len());
        self.error(
            Code::Unclosed,
            start..opened,
            format!(
                "`{}` is not closed by `{}`",
                marker.opening(),
                marker.closing()
            ),
            "close the expression; for literal braces in text write ${{ '{{' }}",
        )
    }

    pub(super) fn unexpected(&self, expected: &str) -> ExpressionError {
        if self.at_word("exists") {
            return self.error(
                Code::ExistsOperator,
                self.span.clone(),
                "`exists` is not an operator",
                "write `x != null` to ask for a value; whether a file is there is for a task to find out",
            );
        }
        let (found, help) = match &self.token {
            Token::End => ("the end".to_owned(), ""),
            Token::Number(number) if number.to_string().starts_with('-') => {
                (format!("`{number}`"), Lexer::no_arithmetic())
            }
            Token::Text(_) => (
                "a string".to_owned(),
                "write an operator between two values; a quote inside a string is written \\'",
            ),
            Token::Symbol(Symbol::Question) => (
                "`?`".to_owned(),
                "for a default value write `x || 'default'` or `x | default('…')`",
            ),
            Token::Name(name) => (
                format!("`{name}`"),
                "operators are == != < <= > >= =~ && || ! and or not in contains starts_with ends_with matches",
            ),
            _ => {
                let text = self.lexer.text().get(self.span.clone()).unwrap_or("");
                (format!("`{text}`"), "")
            }
        };
        let help = match help {
            "" => "see the page on expressions for the grammar",
            help => help,
        };
        self.error(
            Code::Syntax,
            self.span.clone(),
            format!("unexpected {found}, expected {expected}"),
            help,
        )
    }

    pub(super) fn checked<T>(&self, result: Result<T, builtin::Misuse>) -> Parsed<T> {
        result.map_err(|misuse| self.error(misuse.code, misuse.span, misuse.message, misuse.help))
    }
}

fn chain(mut operands: Vec<Node>, join: fn(Box<[Node]>) -> Node) -> Node {
    match operands.len() {
        1 => operands.remove(0),
        _ => join(operands.into()),
    }
}
