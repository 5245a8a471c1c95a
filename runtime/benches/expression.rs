//! Micro-benchmarks of expressions: parsing at load, evaluating at dispatch.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark fails by panicking"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ossa_runtime::expression::{Dialects, Expression, MapScope, Template};
use serde_json::{Value, json};

const EXPRESSIONS: [(&str, &str); 7] = [
    ("path", "steps.validate_email.output.normalized_email"),
    (
        "condition",
        "steps.ai-review.output.approved && !workflow.input.auto_publish",
    ),
    ("membership", "event.target_branch in ['main', 'develop']"),
    (
        "ternary",
        "steps.ai-review.output.approved ? 'approved' : 'needs_revision'",
    ),
    ("wildcard", "steps.*.output"),
    ("matches", r"version matches '^\d+\.\d+\.\d+$'"),
    (
        "select",
        r"steps.parse.output.files | selectattr('path', 'match', 'config/.*\.yml$') | list | length > 0",
    ),
];

fn scope() -> MapScope {
    let files: Vec<Value> = (0..100)
        .map(
            |number| json!({"path": format!("web/modules/m{number}/src/File.php"), "size": number}),
        )
        .collect();
    let roots = json!({
        "workflow": {"input": {"email": "ada@example.org", "auto_publish": false, "name": "Ada"}},
        "steps": {
            "validate_email": {"status": "completed", "output": {"normalized_email": "ada@example.org"}},
            "ai-review": {"status": "completed", "output": {"approved": true}},
            "parse": {"status": "completed", "output": {"files": files}},
        },
        "event": {"target_branch": "develop"},
        "version": "1.20.3",
    });
    roots.as_object().cloned().map(MapScope::new).unwrap()
}

fn step_input() -> Value {
    json!({
        "to": "${{ steps.validate_email.output.normalized_email }}",
        "template": "welcome",
        "variables": {
            "name": "${{ workflow.input.name }}",
            "status": "${{ steps.ai-review.output.approved ? 'approved' : 'needs_revision' }}",
            "url": "https://example.org/users/${{ workflow.input.name }}/verify",
        },
    })
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("expression/parse");
    for (name, source) in EXPRESSIONS {
        group.bench_function(name, |bencher| {
            bencher.iter(|| Expression::parse(black_box(source)).unwrap());
        });
    }
    let input = step_input();
    group.bench_function("step input", |bencher| {
        bencher.iter(|| Template::parse_value(black_box(&input), Dialects::FIELDS).unwrap());
    });
    group.finish();
}

fn evaluate(criterion: &mut Criterion) {
    let scope = scope();
    let mut group = criterion.benchmark_group("expression/evaluate");
    for (name, source) in EXPRESSIONS {
        let expression = Expression::parse(source).unwrap();
        group.bench_function(name, |bencher| {
            bencher.iter(|| expression.evaluate(black_box(&scope)).unwrap());
        });
    }
    let template = Template::parse_value(&step_input(), Dialects::FIELDS).unwrap();
    group.bench_function("step input", |bencher| {
        bencher.iter(|| template.render(black_box(&scope)).unwrap());
    });
    group.finish();
}

criterion_group!(benches, parse, evaluate);
criterion_main!(benches);
