//! JSON with one spelling: compact, the members of each object sorted by name.

use std::borrow::Cow;
use std::ops::Range;

/// Tells the canonical spelling of a JSON text that is compact already, part by part. Works on the text, because a plan of
/// thousands of steps takes longer to be made into a tree than to be compiled. What is no JSON comes out as it may.
pub(super) fn canonical(json: &str, mut tell: impl FnMut(&str)) {
    let mut writer = Writer {
        json,
        next: 0,
        out: String::with_capacity(json.len()),
        sorted: String::new(),
    };
    if writer.peek() != Some(b'{') {
        writer.value();
        return tell(&writer.out);
    }
    // The members of the whole are not put into another order, but told in it.
    writer.next = 1;
    tell("{");
    for (number, member) in writer.members().into_iter().enumerate() {
        if number > 0 {
            tell(",");
        }
        tell(writer.out.get(member.place).unwrap_or_default());
    }
    writer.out.clear();
    writer.copy(1);
    tell(&writer.out);
}

struct Writer<'a> {
    json: &'a str,
    /// What is to be read next.
    next: usize,
    out: String,
    /// Where the members of an object are put in order.
    sorted: String,
}

/// A member that was written: its name, and where it stands.
struct Member<'a> {
    name: Cow<'a, str>,
    place: Range<usize>,
}

impl<'a> Writer<'a> {
    fn value(&mut self) {
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => drop(self.string()),
            _ => self.scalar(),
        }
    }

    fn object(&mut self) {
        self.copy(1);
        let begin = self.out.len();
        let members = self.members();
        let mut sorted = std::mem::take(&mut self.sorted);
        sorted.clear();
        for member in members {
            if !sorted.is_empty() {
                sorted.push(',');
            }
            sorted.push_str(self.out.get(member.place).unwrap_or_default());
        }
        self.out.truncate(begin);
        self.out.push_str(&sorted);
        self.sorted = sorted;
        self.copy(1);
    }

    /// Copies the members of an object, one behind the other, and returns them in the order of their names.
    fn members(&mut self) -> Vec<Member<'a>> {
        let mut members = Vec::new();
        while !matches!(self.peek(), None | Some(b'}')) {
            let place = self.out.len();
            let name = self.string();
            self.copy(1);
            self.value();
            let place = place..self.out.len();
            members.push(Member { name, place });
            if self.peek() == Some(b',') {
                self.next += 1;
            }
        }
        members.sort_by(|left, right| left.name.cmp(&right.name));
        members
    }

    fn array(&mut self) {
        self.copy(1);
        while !matches!(self.peek(), None | Some(b']')) {
            self.value();
            if self.peek() == Some(b',') {
                self.copy(1);
            }
        }
        self.copy(1);
    }

    /// Copies a string and returns what it says.
    fn string(&mut self) -> Cow<'a, str> {
        let rest = self.rest();
        let mut escaped = false;
        let mut escapes = false;
        let end = rest.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            escapes |= escaped;
            ends
        });
        let text = rest
            .get(..end.map_or(rest.len(), |end| end + 2))
            .unwrap_or(rest);
        self.copy(text.len().max(1));
        let inner = text
            .strip_prefix('"')
            .and_then(|inner| inner.strip_suffix('"'));
        match inner.unwrap_or(text) {
            _ if escapes => serde_json::from_str(text).map_or(Cow::Borrowed(text), Cow::Owned),
            inner => Cow::Borrowed(inner),
        }
    }

    fn scalar(&mut self) {
        let rest = self.rest();
        let end = rest.find([',', ']', '}']).unwrap_or(rest.len());
        self.copy(end.max(1));
    }

    fn peek(&self) -> Option<u8> {
        self.json.as_bytes().get(self.next).copied()
    }

    fn rest(&self) -> &'a str {
        self.json.get(self.next..).unwrap_or_default()
    }

    fn copy(&mut self, count: usize) {
        let end = self.next.saturating_add(count).min(self.json.len());
        self.out
            .push_str(self.json.get(self.next..end).unwrap_or_default());
        self.next = end;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    fn whole(json: &str) -> String {
        let mut whole = String::new();
        canonical(json, |part| whole.push_str(part));
        whole
    }

    fn sorted(value: Value) -> Value {
        match value {
            Value::Object(members) => {
                let members: BTreeMap<String, Value> = members.into_iter().collect();
                let members = members
                    .into_iter()
                    .map(|(name, value)| (name, sorted(value)));
                Value::Object(members.collect())
            }
            Value::Array(items) => items.into_iter().map(sorted).collect(),
            other => other,
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 6, |inner| {
            let name = prop_oneof![".*", "[a-z\"\\\\\u{0}-\u{20}é]{0,3}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((name, inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_members_of_every_object_are_sorted_by_name(value in value()) {
            prop_assert_eq!(whole(&value.to_string()), sorted(value).to_string());
        }

        #[test]
        fn what_is_no_json_does_no_harm(text in "[\\[\\]{}\",:a\\\\é1]{0,40}") {
            whole(&text);
        }
    }

    #[test]
    fn names_are_compared_as_they_are_meant() {
        let value = json!({"b": 1, "a\"": {"z": [], "y": {}}, "a": [{"d": 1, "c": 2}]});
        let text = r#"{"a":[{"c":2,"d":1}],"a\"":{"y":{},"z":[]},"b":1}"#;
        assert_eq!(whole(&value.to_string()), text);
    }
}
