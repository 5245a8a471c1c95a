//! Envelopes of three dialects.

use ossa_runtime::port::{Priority, Timestamp};
use ossa_runtime::routing::{Dialect, Envelope, HOPS_HEADER};
use serde_json::{Value, json};

use crate::table;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn read(value: Value) -> Envelope {
    Envelope::read(value, NOW).unwrap()
}

fn a2a() -> Value {
    json!({
        "id": "550e8400-e29b-41d4-a716-446655440000",
        "channel": "agents.tasks.assigned",
        "sender": "ossa://agents/task-orchestrator",
        "timestamp": "2025-12-18T14:32:15.123Z",
        "type": "TaskAssigned",
        "payload": {"taskId": "task-001"},
        "metadata": {
            "correlationId": "c-1",
            "replyTo": "agents.orchestrator.replies",
            "priority": "high",
            "ttl": 60,
            "contentType": "application/json",
            "headers": {
                "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "x-retry-count": "2",
                "x-tenant": "acme",
            },
        },
        "qos": {"deliveryMode": "at-least-once"},
    })
}

fn plain() -> Value {
    json!({
        "id": "m-1",
        "timestamp": "2025-12-10T10:00:00Z",
        "source": "security-scanner",
        "channel": "security.vulnerabilities",
        "payload": {"severity": "high"},
        "metadata": {
            "correlationId": "c-2",
            "traceId": "0af7651916cd43dd8448eb211c80319c",
            "spanId": "b7ad6b7169203331",
            "priority": "critical",
            "ttlSeconds": 3600,
            "retryCount": 1,
            "headers": {"x-tenant": "acme"},
        },
    })
}

fn mesh() -> Value {
    json!({
        "version": "1.0",
        "id": "m-2",
        "from": "agent://prod/scanner",
        "to": "agent://prod/healer",
        "type": "request",
        "payload": [1, 2],
        "correlationId": "c-3",
        "replyTo": "agent.scanner.responses",
        "ttl": 300,
        "priority": "urgent",
        "traceContext": {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"},
    })
}

#[test]
fn a_message_between_agents_is_read() {
    assert_eq!(Dialect::of(&a2a()), Some(Dialect::A2a));
    let message = read(a2a());
    assert_eq!(message.source, "task-orchestrator");
    assert_eq!(message.kind.as_deref(), Some("TaskAssigned"));
    assert_eq!(message.timestamp.as_millis(), 1_766_068_335_123);
    assert_eq!(*message.payload, json!({"taskId": "task-001"}));
    let metadata = &message.metadata;
    assert_eq!(metadata.priority, Some(Priority::High));
    assert_eq!(metadata.ttl_seconds, Some(60));
    assert_eq!(metadata.retry_count, 2);
    assert_eq!(
        metadata.reply_to.as_deref(),
        Some("agents.orchestrator.replies")
    );
    assert!(metadata.traceparent.as_deref().unwrap().ends_with("-01"));
    assert_eq!(metadata.headers["x-tenant"], "acme");
}

#[test]
fn a_plain_message_is_read() {
    assert_eq!(Dialect::of(&plain()), Some(Dialect::Plain));
    let message = read(plain());
    assert_eq!(message.source, "security-scanner");
    assert_eq!(message.kind, None);
    assert_eq!(message.priority(), Priority::Critical);
    assert_eq!(message.metadata.ttl_seconds, Some(3600));
    assert_eq!(message.metadata.retry_count, 1);
    assert_eq!(
        message.metadata.traceparent.as_deref(),
        Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    );
}

#[test]
fn a_message_of_the_mesh_is_read() {
    assert_eq!(Dialect::of(&mesh()), Some(Dialect::Mesh));
    let message = read(mesh());
    assert_eq!(message.source, "scanner");
    assert_eq!(message.channel.as_str(), "agent.healer.messages");
    assert_eq!(message.timestamp, NOW);
    assert_eq!(message.priority(), Priority::Critical);
    assert_eq!(message.metadata.ttl_seconds, Some(300));
    assert_eq!(message.metadata.correlation_id.as_deref(), Some("c-3"));
    assert!(
        message
            .metadata
            .traceparent
            .as_deref()
            .unwrap()
            .ends_with("-00")
    );
    let mut topic = mesh();
    topic["topic"] = json!("security.alerts");
    assert_eq!(read(topic).channel.as_str(), "security.alerts");
}

#[test]
fn a_message_is_written_as_its_channel_asks_and_read_back_as_itself() {
    for value in [a2a(), plain(), mesh()] {
        let message = read(value);
        let written = message.to_json();
        let dialect = match message.channel.as_str().starts_with("agents.") {
            true => Dialect::A2a,
            false => Dialect::Plain,
        };
        assert_eq!(Dialect::of(&written), Some(dialect));
        assert_eq!(read(written.clone()), message, "{written}");
    }
}

#[test]
fn a_message_for_agents_always_has_a_type() {
    let mut value = a2a();
    value.as_object_mut().unwrap().remove("type");
    let written = read(value).to_json();
    assert_eq!(written["type"], "TasksAssigned");
    assert_eq!(written["sender"], "ossa://agents/task-orchestrator");
    assert_eq!(written["metadata"]["ttl"], 60);
    assert_eq!(written["metadata"]["headers"]["x-retry-count"], 2);
}

#[test]
fn a_message_without_metadata_is_written_without() {
    let written = read(json!({
        "id": "m", "timestamp": 0, "source": "a", "channel": "b", "payload": null,
    }))
    .to_json();
    assert_eq!(
        written,
        json!({"id": "m", "timestamp": "1970-01-01T00:00:00.000Z", "source": "a", "channel": "b", "payload": null})
    );
}

#[test]
fn what_is_wrong_with_an_envelope_is_told_with_code_and_place() {
    for case in table::read("envelopes", 4) {
        let (member, place) = (case.cell(0), &case.place);
        let mut value = match &*case.section {
            "a2a" => a2a(),
            "plain" => plain(),
            "mesh" => mesh(),
            other => panic!("{other}"),
        };
        let (parent, name) = member.rsplit_once('.').unwrap_or(("", member));
        let pointer = match parent {
            "" => String::new(),
            parent => format!("/{parent}"),
        };
        let members = value
            .pointer_mut(&pointer)
            .unwrap()
            .as_object_mut()
            .unwrap();
        match case.cell(1) {
            "-" => drop(members.remove(name)),
            text => drop(members.insert(name.to_owned(), serde_json::from_str(text).unwrap())),
        }
        match Envelope::read(value, NOW) {
            Ok(_) => assert_eq!(case.cell(2), "good", "{place}"),
            Err(error) => {
                assert_eq!(error.code(), case.cell(2), "{place}: {error}");
                assert_eq!(error.path(), case.cell(3), "{place}: {error}");
            }
        }
    }
}

#[test]
fn what_is_no_envelope_is_told_so() {
    for text in [
        "",
        "[]",
        "null",
        "{}",
        "7",
        "{\"payload\": {}}",
        "{\"id\": 1",
    ] {
        let error = Envelope::from_json(text, NOW).unwrap_err();
        assert_eq!(error.code(), "OSSA-C001", "{text}: {error}");
    }
}

#[test]
fn a_payload_may_nest_up_to_a_bound() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    let with = |payload: Value| {
        let mut value = plain();
        value["payload"] = payload;
        Envelope::read(value, NOW)
    };
    assert!(with(nested(128)).is_ok());
    assert_eq!(with(nested(129)).unwrap_err().code(), "OSSA-C003");
}

#[test]
fn a_message_expires_when_its_time_to_live_is_over() {
    let mut message = read(plain());
    let end = message.timestamp.as_millis() + 3_600_000;
    assert!(!message.is_expired(Timestamp::from_millis(end - 1)));
    assert!(message.is_expired(Timestamp::from_millis(end)));
    message.metadata.ttl_seconds = None;
    assert!(!message.is_expired(Timestamp::NEVER));
    message.metadata.ttl_seconds = Some(u64::MAX);
    assert!(!message.is_expired(NOW));
}

#[test]
fn hops_are_counted_from_message_to_message() {
    let first = read(plain());
    assert_eq!(first.hops(), 0);
    let mut second = read(mesh());
    second.metadata.correlation_id = None;
    second.caused_by(&first);
    assert_eq!(second.hops(), 1);
    assert_eq!(second.metadata.correlation_id.as_deref(), Some("c-2"));
    let mut third = first.clone();
    third.caused_by(&second);
    assert_eq!(third.hops(), 2);
    for (header, hops) in [
        (json!("7"), 7),
        (json!(" 16 "), 16),
        (json!(u64::MAX), u32::MAX),
        (json!(-1), 0),
        (json!("many"), 0),
        (json!(null), 0),
    ] {
        third
            .metadata
            .headers
            .insert(HOPS_HEADER.to_owned(), header);
        assert_eq!(third.hops(), hops);
    }
}
