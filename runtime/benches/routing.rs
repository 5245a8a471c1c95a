//! Routing: how fast, with how many rules, and what their index takes.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing
)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ossa_runtime::manifest::model::{Body, Manifest};
use ossa_runtime::manifest::{Options, load_str};
use ossa_runtime::port::Timestamp;
use ossa_runtime::routing::{ChannelName, Context, Envelope, Host, Rules};
use serde_json::json;

const NOW: Timestamp = Timestamp::from_millis(1_769_851_800_000);

/// So many rules as an application has them: on many channels, with exact and globbed sources, two thirds with a filter.
/// Three of them match [`message`], however many there are.
fn rules(count: usize) -> Manifest {
    let mut rules = vec![
        json!({"id": "a", "source": "scanner", "channel": "security.vulnerabilities", "targets": ["responder"],
            "filter": {"fields": {"severity": ["critical"]}}, "priority": "critical"}),
        json!({"id": "b", "source": "*", "channel": "security.*", "targets": ["auditor"], "priority": "low"}),
        json!({"id": "c", "source": "scan*", "channel": "security.vulnerabilities", "targets": ["monitor"],
            "filter": {"severity": ["high", "critical"], "count": {"$gte": 1}}}),
    ];
    for at in rules.len()..count {
        let channel = match at % 10 {
            0 => "security.vulnerabilities".to_owned(),
            1 => "security.*".to_owned(),
            2 => format!("domain{}.#", at % 97),
            _ => format!("domain{}.topic{at}", at % 97),
        };
        // Those on the message's own channel are for other sources, or for another severity.
        let source = match at % 4 {
            0 => format!("agent-{at}"),
            1 => format!("team-{}-*", at % 50),
            _ => "*".to_owned(),
        };
        let filter = match (at % 10, at % 3) {
            (0 | 1, _) => json!({"severity": [format!("s{at}")]}),
            (_, 0) => json!({"fields": {"severity": ["high", format!("s{at}")]}}),
            (_, 1) => json!({"kind": format!("k{at}"), "count": {"$gt": at}}),
            _ => json!({}),
        };
        let target = format!("target-{}", at % 500);
        rules.push(json!({
            "id": format!("rule-{at}"), "source": source, "channel": channel, "targets": [target], "filter": filter,
        }));
    }
    let text = json!({
        "apiVersion": "ossa/v0.3.1", "kind": "MessageRouting", "metadata": {"name": "bench"},
        "spec": {"rules": rules},
    });
    let loaded = load_str(&text.to_string(), &Options::default());
    let manifest = loaded.manifests().next().unwrap();
    Manifest::clone(manifest)
}

/// A file holds a mebibyte of manifest; more rules stand in more files.
fn documents(count: usize) -> Vec<Manifest> {
    const MOST: usize = 2_500;
    let mut all = rules(count.min(MOST));
    let mut documents = Vec::new();
    let mut rest = count.saturating_sub(MOST);
    while rest > 0 {
        let more = rest.min(MOST);
        let mut next = rules(more);
        if let Body::MessageRouting(routing) = &mut next.body {
            routing.rules.drain(..3.min(routing.rules.len()));
        }
        documents.push(next);
        rest -= more;
    }
    all.metadata.name = "first".to_owned();
    documents.insert(0, all);
    documents
}

fn message() -> Envelope {
    let channel = ChannelName::parse("security.vulnerabilities").unwrap();
    let payload = Arc::new(json!({
        "vulnerability_id": "CVE-2026-1234", "severity": "critical", "count": 3, "package": "openssl",
        "exploit_available": true, "summary": {"critical": 1, "high": 2},
    }));
    Envelope::new(
        "8c0b7d5e-8a53-4d0e-9a39-6b1f0a1f7c11",
        channel,
        "scanner",
        NOW,
        payload,
    )
}

fn routing(criterion: &mut Criterion) {
    let message = message();
    let context = Context::at(NOW);
    let mut group = criterion.benchmark_group("route");
    group.throughput(Throughput::Elements(1));
    for count in [10, 1_000, 10_000] {
        let documents = documents(count);
        let rules = Rules::compile(&documents, &Host::default()).unwrap();
        assert_eq!(rules.route(&message, &context).deliveries.len(), 3);
        group.bench_function(format!("{count} rules, 3 match"), |bencher| {
            bencher.iter(|| black_box(rules.route(black_box(&message), &context)));
        });
    }
    let elsewhere = Envelope {
        channel: ChannelName::parse("nobody.listens").unwrap(),
        ..message
    };
    let documents = documents(1_000);
    let rules = Rules::compile(&documents, &Host::default()).unwrap();
    group.bench_function("1000 rules, none matches", |bencher| {
        bencher.iter(|| black_box(rules.route(black_box(&elsewhere), &context)));
    });
    group.finish();
}

/// Memory of the process, in KiB; 0 where the system does not tell.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn compiling(criterion: &mut Criterion) {
    let documents = documents(10_000);
    let before = resident();
    let copies: Vec<Rules> = (0..8)
        .map(|_| Rules::compile(&documents, &Host::default()).unwrap())
        .collect();
    let kibibytes = resident().saturating_sub(before) / 8;
    println!("{} rules take {kibibytes} KiB", copies[0].len());
    drop(copies);
    let mut group = criterion.benchmark_group("compile");
    group.sample_size(10);
    group.bench_function("10000 rules", |bencher| {
        bencher.iter(|| Rules::compile(black_box(&documents), &Host::default()).unwrap());
    });
    group.finish();
}

fn envelopes(criterion: &mut Criterion) {
    let text = message().to_json().to_string();
    let mut group = criterion.benchmark_group("envelope");
    group.throughput(Throughput::Elements(1));
    group.bench_function("read", |bencher| {
        bencher.iter(|| Envelope::from_json(black_box(&text), NOW).unwrap());
    });
    group.finish();
}

criterion_group!(benches, routing, compiling, envelopes);
criterion_main!(benches);
