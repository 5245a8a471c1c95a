//! What an expression asks of its scope.

use std::borrow::Cow;
use std::cell::RefCell;

use ossa_runtime::expression::{Expression, MapScope, Scope, Segment};
use serde_json::{Value, json};

/// A scope that keeps steps apart, as a run does, and notes what it is asked.
struct RunScope {
    steps: Vec<(&'static str, Value)>,
    asked: RefCell<Vec<String>>,
}

impl RunScope {
    fn new() -> Self {
        Self {
            steps: vec![
                (
                    "b",
                    json!({"status": "completed", "output": {"n": 1, "list": [{"x": 1}, {"x": 2}]}}),
                ),
                ("failed", json!({"status": "failed", "output": {"n": 9}})),
                ("a", json!({"status": "completed", "output": {"n": 2}})),
            ],
            asked: RefCell::default(),
        }
    }

    fn step(&self, id: Segment<'_>) -> Option<&Value> {
        match id {
            Segment::Key(id) => self.steps.iter().find(|(known, _)| *known == id),
            Segment::Index(at) => self.steps.get(usize::try_from(at).ok()?),
        }
        .map(|(_, step)| step)
    }
}

impl Scope for RunScope {
    fn resolve<'a>(&'a self, path: &[Segment<'_>]) -> Option<(Cow<'a, Value>, usize)> {
        self.asked.borrow_mut().push(format!("{path:?}"));
        match path {
            [Segment::Key("steps"), id, Segment::Key(field), ..] => {
                let field = self.step(*id)?.get(*field)?;
                Some((Cow::Borrowed(field), 3))
            }
            [Segment::Key("steps"), id] => Some((Cow::Borrowed(self.step(*id)?), 2)),
            [Segment::Key("long"), ..] => Some((Cow::Owned(json!(path.len())), path.len())),
            [Segment::Key("greedy"), ..] => Some((Cow::Owned(json!({"x": 1})), 99)),
            [Segment::Key("zero"), ..] => Some((Cow::Owned(json!({"x": 1})), 0)),
            _ => None,
        }
    }

    fn members<'a>(&'a self, root: &str) -> Option<Vec<Cow<'a, str>>> {
        let ids = || {
            self.steps
                .iter()
                .map(|(id, _)| Cow::Borrowed(*id))
                .collect()
        };
        (root == "steps").then(ids)
    }

    fn now(&self) -> Option<String> {
        Some("2026-11-21T09:00:00.000Z".to_owned())
    }

    fn uuid(&self) -> Option<String> {
        None
    }
}

fn evaluated(source: &str, scope: &dyn Scope) -> Value {
    Expression::parse(source).unwrap().evaluate(scope).unwrap()
}

#[test]
fn a_scope_that_keeps_members_apart_is_asked_for_each_of_them() {
    let scope = RunScope::new();
    assert_eq!(
        evaluated("steps.*.output", &scope),
        json!([{"n": 1, "list": [{"x": 1}, {"x": 2}]}, {"n": 2}])
    );
    assert_eq!(evaluated("steps.*.output.n", &scope), json!([1, 2]));
    assert_eq!(evaluated("steps.*.output.list.*.x", &scope), json!([1, 2]));
    assert_eq!(
        evaluated("steps.*.status", &scope),
        json!(["completed", "failed", "completed"])
    );
    assert_eq!(evaluated("steps.* | length", &scope), json!(3));
    assert_eq!(evaluated("steps.*.*.n", &scope), json!([1, 9, 2]));
    assert_eq!(evaluated("steps[1].output.n", &scope), json!(9));
    let asked = scope.asked.borrow();
    assert!(
        !asked.iter().any(|path| path == r#"[Key("steps")]"#),
        "{asked:?}"
    );
}

#[test]
fn a_scope_is_offered_the_whole_path_up_to_a_wildcard_and_a_bound() {
    let scope = RunScope::new();
    evaluated("steps.b.output[steps.a.output.n].x.*.y", &scope);
    assert_eq!(
        *scope.asked.borrow(),
        [
            r#"[Key("steps"), Key("a"), Key("output"), Key("n")]"#,
            r#"[Key("steps"), Key("b"), Key("output"), Index(2), Key("x")]"#,
        ]
    );
    assert_eq!(evaluated("long.a.b.c.d.e.f.g", &scope), json!(8));
    assert_eq!(evaluated("long.a.b.c.d.e.f.g.h.i", &scope), Value::Null);
}

#[test]
fn a_scope_that_miscounts_does_no_harm() {
    let scope = RunScope::new();
    assert_eq!(evaluated("greedy.x", &scope), json!({"x": 1}));
    assert_eq!(evaluated("greedy.x.y.z", &scope), json!({"x": 1}));
    assert_eq!(evaluated("zero.x", &scope), json!(1));
}

#[test]
fn now_and_uuid_come_from_the_scope_one_uuid_for_each_call() {
    let scope = MapScope::default()
        .with_now("2026-11-21T09:00:00.000Z")
        .with_uuids(["first".to_owned(), "second".to_owned()]);
    assert_eq!(
        evaluated("[uuid(), now(), uuid(), now()]", &scope),
        json!([
            "first",
            "2026-11-21T09:00:00.000Z",
            "second",
            "2026-11-21T09:00:00.000Z"
        ])
    );
    let error = Expression::parse("uuid()")
        .unwrap()
        .evaluate(&scope)
        .expect_err("used up");
    assert_eq!(error.code(), "OSSA-E017");
    let error = Expression::parse("now()")
        .unwrap()
        .evaluate(&MapScope::default())
        .expect_err("none");
    assert_eq!(error.to_string(), "`now()` has no value here in `now()`");
}

#[test]
fn a_scope_is_made_of_names_with_their_values() {
    let scope: MapScope = [("n".to_owned(), json!(1)), ("m".to_owned(), json!(2))]
        .into_iter()
        .collect();
    assert_eq!(evaluated("[n, m]", &scope), json!([1, 2]));
}
