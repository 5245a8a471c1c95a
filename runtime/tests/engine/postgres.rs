//! The same stories over PostgreSQL: a server for each subject, a schema for each story.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::lab::{Lab, Story};
use crate::server::TestServer;

fn tell(stories: &[Story]) {
    // What a crash of the server undoes is another subject.
    let Some(server) = TestServer::start_with("postgresql", &["-c", "fsync=off"]) else {
        return;
    };
    let failed: Vec<_> = stories
        .iter()
        .enumerate()
        .filter(|(number, (name, story))| {
            println!("{name}");
            let lab = Lab::on_shared(format!("{}?schema=story_{number}", server.dsn));
            catch_unwind(AssertUnwindSafe(|| story(&lab))).is_err()
        })
        .map(|(_, (name, _))| *name)
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn runs_live_as_in_the_embedded_stores() {
    tell(crate::lifecycle::STORIES);
}

#[test]
fn attempts_are_claimed_as_in_the_embedded_stores() {
    tell(crate::claims::STORIES.split_at(8).0);
}

#[test]
fn more_attempts_are_claimed_as_in_the_embedded_stores() {
    tell(crate::claims::STORIES.split_at(8).1);
}

#[test]
fn time_passes_as_in_the_embedded_stores() {
    tell(crate::clock::STORIES);
}

#[test]
fn runs_are_recovered_as_in_the_embedded_stores() {
    tell(crate::recovery::STORIES);
}

#[test]
fn engines_work_side_by_side_as_in_the_embedded_stores() {
    tell(crate::concurrency::STORIES);
}

#[test]
fn consumers_consume_as_in_the_embedded_stores() {
    tell(crate::consumer::STORIES);
}

#[test]
fn runs_are_steered_and_answered_as_in_the_embedded_stores() {
    tell(crate::steer::STORIES);
    tell(crate::waiting::STORIES);
}

#[test]
fn runs_are_seen_moved_and_migrated_as_in_the_embedded_stores() {
    tell(crate::inspect::STORIES);
    tell(crate::export::STORIES);
    tell(crate::migrate::STORIES);
}

#[test]
fn faults_are_survived_as_in_the_embedded_stores() {
    tell(crate::faults::STORIES);
}
