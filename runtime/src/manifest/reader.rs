//! Reading typed fields out of a document, with a diagnostic for everything that is not as it should be.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::code;
use super::diagnostic::{Diagnostic, Severity};
use super::yaml::{Mark, Marks, Segment};

/// Most steps in a document, inner steps and compensation included.
pub const MAX_STEPS: usize = 10_000;

/// Most errors told of a document, and most other findings.
///
/// Looking for what was meant costs time; a hostile document could ask for it at every byte.
pub const MAX_FINDINGS: usize = 250;

/// What has been found about one document so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    found: RefCell<Vec<Diagnostic>>,
    errors: Cell<usize>,
    others: Cell<usize>,
    steps: Cell<usize>,
}

impl Report {
    /// Counts a step of the document; false once there are too many.
    pub(super) fn count_step(&self, step: &Part<'_>) -> bool {
        let count = self.steps.get() + 1;
        self.steps.set(count);
        if count == MAX_STEPS + 1 {
            self.push(
                step.error(
                    code::TOO_MANY_STEPS,
                    format!("the document has more than {MAX_STEPS} steps"),
                )
                .with_help("split it into several workflows, or loop over data"),
            );
        }
        count <= MAX_STEPS
    }

    /// Adds a finding, unless there are enough of its weight.
    pub(super) fn push(&self, diagnostic: Diagnostic) {
        let count = self.count(diagnostic.severity);
        count.set(count.get().saturating_add(1));
        if count.get() <= MAX_FINDINGS {
            self.found.borrow_mut().push(diagnostic);
        }
    }

    /// Whether a further finding of that weight would not be told: then it need not be worked out.
    ///
    /// Asking counts as finding, so that whoever asks may leave it at that.
    pub(super) fn is_full(&self, severity: Severity) -> bool {
        let count = self.count(severity);
        let is_full = count.get() >= MAX_FINDINGS;
        if is_full {
            count.set(count.get().saturating_add(1));
        }
        is_full
    }

    fn count(&self, severity: Severity) -> &Cell<usize> {
        match severity {
            Severity::Error => &self.errors,
            Severity::Warning | Severity::Note => &self.others,
        }
    }

    pub(super) fn has_errors(&self) -> bool {
        self.errors.get() > 0
    }

    /// All findings, and a last one when some were left out.
    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        let mut found = self.found.into_inner();
        if self.errors.get().max(self.others.get()) > MAX_FINDINGS {
            found.push(
                Diagnostic::new(
                    code::TOO_MANY_FINDINGS,
                    Severity::Note,
                    format!("there is more to say; the first {MAX_FINDINGS} errors and {MAX_FINDINGS} warnings are told"),
                )
                .with_help("correct these and check again"),
            );
        }
        found
    }
}

/// The way from the document to one of its parts. Cheap to clone; made into text only for a diagnostic.
#[derive(Debug, Clone, Default)]
pub(super) struct Path<'a>(Option<Rc<(Path<'a>, Segment<'a>)>>);

impl<'a> Path<'a> {
    pub(super) fn join(&self, segment: Segment<'a>) -> Self {
        Self(Some(Rc::new((self.clone(), segment))))
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_deref() {
            None => formatter.write_str("$"),
            Some((parent, segment)) => {
                parent.fmt(formatter)?;
                segment.fmt(formatter)
            }
        }
    }
}

/// A value of the document with its place.
#[derive(Debug, Clone)]
pub(super) struct Part<'a> {
    pub(super) value: &'a Value,
    pub(super) marks: &'a Marks,
    pub(super) path: Path<'a>,
}

impl<'a> Part<'a> {
    pub(super) fn root(value: &'a Value, marks: &'a Marks) -> Self {
        Self {
            value,
            marks,
            path: Path::default(),
        }
    }

    /// The member `name`, null or not.
    pub(super) fn member(&self, name: &str) -> Option<Self> {
        self.members()
            .find(|(key, _)| *key == name)
            .map(|(_, part)| part)
    }

    /// The part a JSON pointer leads to, as far as it goes.
    pub(super) fn at_pointer(&self, pointer: &str) -> Self {
        let mut part = self.clone();
        for segment in pointer.split('/').skip(1) {
            let name = segment.replace("~1", "/").replace("~0", "~");
            let next = match part.value {
                Value::Array(_) => name
                    .parse()
                    .ok()
                    .and_then(|index: usize| part.elements().nth(index)),
                _ => part.member(&name),
            };
            match next {
                Some(next) => part = next,
                None => break,
            }
        }
        part
    }

    /// A finding about the value.
    pub(super) fn finding(
        &self,
        severity: Severity,
        code: &'static str,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::new(code, severity, message)
            .at_path(self.path.to_string())
            .at_mark(self.mark())
    }

    pub(super) fn error(&self, code: &'static str, message: impl Into<String>) -> Diagnostic {
        self.finding(Severity::Error, code, message)
    }

    pub(super) fn warning(&self, code: &'static str, message: impl Into<String>) -> Diagnostic {
        self.finding(Severity::Warning, code, message)
    }

    /// A warning about the key rather than the value.
    pub(super) fn key_warning(&self, code: &'static str, message: impl Into<String>) -> Diagnostic {
        self.warning(code, message).at_mark(self.marks.head())
    }

    /// Scalars are marked themselves; of a list or mapping its key is.
    fn mark(&self) -> Mark {
        match self.value {
            Value::Array(_) | Value::Object(_) | Value::Null => self.marks.head(),
            _ => self.marks.value,
        }
    }

    fn wrong_type(&self, expected: &str) -> Diagnostic {
        self.error(
            code::WRONG_TYPE,
            format!("expected {expected}, found {}", describe(self.value)),
        )
    }

    pub(super) fn text(&self, report: &Report) -> Option<&'a str> {
        match self.value {
            Value::String(text) => Some(text),
            _ => {
                report.push(self.wrong_type("text").with_help("quote the value"));
                None
            }
        }
    }

    /// Text, or a number or boolean as text.
    pub(super) fn scalar_text(&self, report: &Report) -> Option<String> {
        match self.value {
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            _ => self.text(report).map(str::to_owned),
        }
    }

    pub(super) fn boolean(&self, report: &Report) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(*value),
            _ => {
                report.push(self.wrong_type("true or false"));
                None
            }
        }
    }

    pub(super) fn object(&self, report: &Report) -> Option<&'a Map<String, Value>> {
        match self.value {
            Value::Object(members) => Some(members),
            _ => {
                report.push(self.wrong_type("a mapping"));
                None
            }
        }
    }

    /// The members of an object with their places; none for anything else.
    pub(super) fn members(&self) -> impl Iterator<Item = (&'a str, Part<'a>)> + use<'a> {
        let path = self.path.clone();
        let members = self.value.as_object();
        members
            .into_iter()
            .flatten()
            .zip(self.marks.children.iter())
            .map(move |((key, value), marks)| {
                let part = Part {
                    value,
                    marks,
                    path: path.join(Segment::Key(key)),
                };
                (key.as_str(), part)
            })
    }

    /// The elements of a list with their places; none for anything else.
    pub(super) fn elements(&self) -> impl Iterator<Item = Part<'a>> + use<'a> {
        let path = self.path.clone();
        let items = self.value.as_array();
        items
            .into_iter()
            .flatten()
            .zip(self.marks.children.iter())
            .enumerate()
            .map(move |(index, (value, marks))| Part {
                value,
                marks,
                path: path.join(Segment::Index(index)),
            })
    }

    pub(super) fn list(&self, report: &Report) -> Vec<Part<'a>> {
        if !self.value.is_array() {
            report.push(self.wrong_type("a list"));
        }
        self.elements().collect()
    }

    /// The elements of a list; a value that is none counts as its only element.
    pub(super) fn one_or_many(&self) -> Vec<Part<'a>> {
        match self.value {
            Value::Array(_) => self.elements().collect(),
            _ => vec![self.clone()],
        }
    }

    /// The texts of a list; one text counts as a list of one.
    pub(super) fn texts(&self, report: &Report) -> Vec<String> {
        self.one_or_many()
            .iter()
            .filter_map(|part| part.scalar_text(report))
            .collect()
    }

    pub(super) fn is_empty_text(&self) -> bool {
        self.value
            .as_str()
            .is_some_and(|text| text.trim().is_empty())
    }
}

/// The kind of a value, for people.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.chars().count() <= 40 => format!("`{text}`"),
        Value::String(_) => "text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}

/// An object whose fields are read by name; what nobody asked for can be reported at the end.
pub(super) struct Fields<'a, 'r> {
    pub(super) part: Part<'a>,
    pub(super) report: &'r Report,
    read: RefCell<Vec<&'static str>>,
}

impl<'a, 'r> Fields<'a, 'r> {
    /// The fields of `part`; a diagnostic when it is no mapping.
    pub(super) fn of(part: &Part<'a>, report: &'r Report) -> Self {
        part.object(report);
        Self {
            part: part.clone(),
            report,
            read: RefCell::default(),
        }
    }

    /// The field `name`, unless it is missing or null.
    pub(super) fn get(&self, name: &'static str) -> Option<Part<'a>> {
        self.read.borrow_mut().push(name);
        let members = self.part.value.as_object()?;
        let (index, key, value) = members
            .iter()
            .enumerate()
            .find_map(|(index, (key, value))| (key == name).then_some((index, key, value)))?;
        if value.is_null() {
            return None;
        }
        Some(Part {
            value,
            marks: self.part.marks.children.get(index)?,
            path: self.part.path.join(Segment::Key(key)),
        })
    }

    /// The field `name`, or else the first of `aliases` that is there, with a warning that names the right spelling.
    pub(super) fn any(&self, name: &'static str, aliases: &[&'static str]) -> Option<Part<'a>> {
        let proper = self.get(name);
        let mut found = proper.clone();
        for alias in aliases {
            let Some(part) = self.get(alias) else {
                continue;
            };
            if found.is_some() {
                self.report.push(
                    part.key_warning(
                        code::IGNORED_FIELD,
                        format!("`{alias}` is ignored because `{name}` is given, too"),
                    )
                    .with_help(format!("remove `{alias}`")),
                );
            } else {
                self.report.push(
                    part.key_warning(code::ALIAS, format!("`{alias}` is called `{name}` in OSSA"))
                        .with_help(format!("write `{name}`")),
                );
                found = Some(part);
            }
        }
        found
    }

    /// The field `name`; a diagnostic when it is missing.
    pub(super) fn required(&self, name: &'static str) -> Option<Part<'a>> {
        let found = self.get(name);
        if found.is_none() && self.part.value.is_object() {
            self.missing(name);
        }
        found
    }

    pub(super) fn missing(&self, name: &str) {
        self.report.push(
            self.part
                .error(code::MISSING_FIELD, format!("`{name}` is missing"))
                .at_mark(self.part.marks.head()),
        );
    }

    pub(super) fn text(&self, name: &'static str) -> Option<String> {
        self.get(name)?.text(self.report).map(str::to_owned)
    }

    pub(super) fn boolean(&self, name: &'static str) -> Option<bool> {
        self.get(name)?.boolean(self.report)
    }

    /// Marks fields as known although nothing reads them.
    pub(super) fn known(&self, names: &[&'static str]) {
        self.read.borrow_mut().extend(names);
    }

    /// Warns about each field that was neither read nor declared as known.
    pub(super) fn ignore_rest(&self) {
        self.rest(Severity::Warning);
    }

    /// An error for each field that was neither read nor declared as known.
    pub(super) fn refuse_rest(&self) {
        self.rest(Severity::Error);
    }

    fn rest(&self, severity: Severity) {
        let read = self.read.borrow();
        for (key, part) in self.part.members() {
            if read.contains(&key) || key.starts_with("x-") {
                continue;
            }
            if self.report.is_full(severity) {
                break;
            }
            let (code, consequence, otherwise) = match severity {
                Severity::Error => (code::UNKNOWN_FIELD, "", "remove it"),
                _ => (
                    code::IGNORED_FIELD,
                    "; it is ignored",
                    "remove it, or put it below `extensions`",
                ),
            };
            let message = format!("`{key}` is not a field of OSSA here{consequence}");
            let diagnostic = part
                .finding(severity, code, message)
                .at_mark(part.marks.head());
            let help = match nearest(key, &read) {
                Some(name) => format!("did you mean `{name}`?"),
                None => otherwise.to_owned(),
            };
            self.report.push(diagnostic.with_help(help));
        }
    }
}

/// The name among `names` that `word` most likely means; swapped letters are one mistake.
pub(super) fn nearest<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    // The cost is the product of the lengths, and nobody mistypes a text for a name.
    const LONGEST: usize = 64;
    const MOST: usize = 1_000;
    let bound = (word.chars().count().min(24) / 3).max(1);
    names
        .iter()
        .take(MOST)
        .filter(|name| word.len().max(name.len()) <= LONGEST)
        .map(|name| (strsim::osa_distance(word, name), *name))
        .filter(|(distance, _)| *distance <= bound)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_within_a_third_of_its_letters() {
        let names = ["depends_on", "condition", "input"];
        assert_eq!(nearest("dependson", &names), Some("depends_on"));
        assert_eq!(nearest("inputt", &names), Some("input"));
        assert_eq!(nearest("ipnut", &names), Some("input"));
        assert_eq!(nearest("colour", &names), None);
        assert_eq!(nearest("", &names), None);
    }
}
