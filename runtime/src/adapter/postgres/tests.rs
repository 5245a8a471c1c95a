#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]
//! What needs a look inside: that nothing is found by reading everything, however empty the tables were when the server
//! made its plans.

use super::session::{Call, Session};
use super::*;
use crate::adapter::dsn;
use crate::adapter::part::{Age, parts};
use crate::port::{RunFilter, RunId, RunStatus, Timestamp};

#[path = "../../../tests/support/server.rs"]
mod server;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// The plan the server keeps for a statement whatever its values are.
fn plan(session: &mut Session, sql: &str) -> String {
    session
        .script(&format!(
            "SET plan_cache_mode = force_generic_plan; PREPARE it AS {sql}"
        ))
        .unwrap_or_else(|fault| panic!("{fault:?}: {sql}"));
    let values = (1..)
        .take_while(|it| sql.contains(&format!("${it}")))
        .count();
    let nulls = vec!["NULL"; values].join(", ");
    let rows = session
        .read(Call::new(format!("EXPLAIN EXECUTE it({nulls})")))
        .unwrap();
    session.script("DEALLOCATE it").unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    lines.join("\n")
}

/// Looks at the plans of a store whose tables are empty.
fn with_plans(look: impl Fn(&mut dyn FnMut(&str) -> String)) {
    let Some(server) = server::TestServer::start_with("postgresql", &["-c", "fsync=off"]) else {
        return;
    };
    let options = PostgresOptions::from_dsn(&dsn::split(&server.dsn).unwrap()).unwrap();
    let store = PostgresStore::open(options).unwrap();
    let looked = store.pool.with("explain", |session| {
        look(&mut |sql| plan(session, sql));
        Ok(())
    });
    looked.unwrap();
}

#[test]
fn messages_and_timers_are_found_in_the_order_of_an_index() {
    with_plans(|plan| {
        for hand_out in [&messages::CLAIM, &messages::RELAY] {
            let plan = plan(&hand_out.in_turn);
            assert!(plan.contains("Index Scan using messages_by_turn"), "{plan}");
            assert!(!plan.contains("Sort"), "{plan}");
        }
        for hand_out in [&messages::CLAIM, &messages::RELAY] {
            let plan = plan(&hand_out.eldest);
            assert!(plan.contains("using messages_by_turn"), "{plan}");
        }
        for (sql, index) in [
            (runs::DUE, "timers_by_due"),
            (queue::OVERDUE, "messages_by_deadline"),
            (queue::COUNT, "messages_by_turn"),
            (queue::LIST, "messages_by_turn"),
            (messages::HAS_VISIBLE, "messages_by_turn"),
            (queue::ITEMS, "messages_by_step"),
            (messages::CLAIM_STEP.as_str(), "messages_by_step"),
            (messages::CLAIM_MESSAGE.as_str(), "messages_pkey"),
            (commit::SETTLE, "messages_by_step"),
            (commit::ADVANCE, "runs_pkey"),
            (runs::TOO_MANY, "runs_by_outcome"),
            (runs::EXPIRED, "runs_by_outcome"),
        ] {
            let plan = plan(sql);
            assert!(plan.contains(index), "{sql}\n{plan}");
        }
        for sql in messages::by_receipts() {
            let plan = plan(sql);
            assert!(plan.contains("messages_pkey"), "{plan}");
            assert!(
                !plan.contains("Seq Scan") && !plan.contains("Hash"),
                "{plan}"
            );
        }
    });
}

#[test]
fn runs_are_listed_in_the_order_of_an_index_whatever_the_filter() {
    with_plans(|plan| {
        for choice in 0..256_u16 {
            let chosen = |bit: u16| choice & (1 << bit) != 0;
            let labels = [("team", "blue"), ("tier", "gold")].into_iter().zip(4..);
            let filter = RunFilter {
                statuses: chosen(0).then_some(RunStatus::Failed).into_iter().collect(),
                workflow: chosen(1).then(|| "w".to_owned()),
                correlation_id: chosen(2).then(|| "c".to_owned()),
                labels: labels
                    .filter(|(_, bit)| chosen(*bit))
                    .map(|((name, value), _)| (name.to_owned(), value.to_owned()))
                    .collect(),
                created_from: chosen(6).then_some(NOW),
                updated_from: chosen(7).then_some(NOW),
                ..RunFilter::default()
            };
            let after = chosen(3).then(|| (NOW, RunId::from_uuid(uuid::Uuid::nil())));
            for part in parts(&filter) {
                let call = listing::statement(&filter, part, after, 10);
                let plan = plan(call.sql());
                assert!(!plan.contains("Seq Scan"), "{}\n{plan}", call.sql());
                // Those that ended before and changed since are few, whatever else there is.
                assert!(
                    part.age == Age::Ended || !plan.contains("Sort"),
                    "{}\n{plan}",
                    call.sql()
                );
            }
        }
    });
}
