//! The stream of what is published on channels.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::concurrency::in_threads;
use super::fixture::{after, assert_counts, at, first, message, receive_one, the_one, wakes};
use super::{Case, cases};
use crate::port::{
    Appended, Backend, ChannelRange, ChannelSize, CommitOutcome, Position, Publication, ReadStream,
    Record, StoreError, TrimStream,
};

pub(super) const CASES: &[Case<dyn Backend>] = cases![
    what_is_published_is_read_as_it_was,
    positions_grow_in_the_order_of_publication,
    a_message_id_is_published_once_in_a_channel,
    of_two_with_one_id_in_a_call_the_first_is_written,
    messages_of_a_publication_are_in_their_queues_with_it,
    messages_of_a_publication_that_is_there_are_not_written_again,
    one_channel_is_read_without_the_others,
    channels_are_read_by_what_their_names_begin_with,
    reading_goes_on_where_it_stopped,
    reading_a_stream_to_its_end_moves_on_past_what_was_not_asked_for,
    records_are_read_by_their_positions,
    a_record_is_found_by_its_id,
    a_time_is_turned_into_a_position,
    trimming_removes_what_is_old,
    trimming_spares_other_channels_and_what_is_still_to_be_read,
    a_position_is_never_given_again,
    an_id_is_free_again_once_its_record_is_gone,
    channels_are_counted,
    a_commit_publishes_with_its_transition,
    a_commit_that_conflicts_publishes_nothing,
    names_and_bodies_of_any_kind_are_kept,
];
pub(super) const CONCURRENCY: &[Case<dyn Backend>] = cases![
    a_reader_that_follows_several_writers_misses_nothing,
    of_several_threads_that_publish_one_id_one_does,
    who_waits_is_told_of_a_new_record,
];

/// A publication nothing is delivered of.
fn publication(channel: &str, id: &str) -> Publication {
    Publication {
        channel: channel.to_owned(),
        source: "healer".to_owned(),
        id: id.to_owned(),
        expires_at: None,
        body: format!("{channel}/{id}").into_bytes(),
        deliver: Vec::new(),
    }
}

fn append(
    backend: &Arc<dyn Backend>,
    millis: i64,
    publications: &[Publication],
) -> Result<Vec<Position>, StoreError> {
    let appended = backend.append(publications, at(millis))?;
    let positions = appended.into_iter().map(|it| match it {
        Appended::New(position) => position,
        Appended::Duplicate(_) => panic!("it was not there"),
    });
    Ok(positions.collect())
}

/// Appends these ids to the channel `a`.
fn append_ids(backend: &Arc<dyn Backend>, ids: &[&str]) -> Result<Vec<Position>, StoreError> {
    let all: Vec<_> = ids.iter().map(|id| publication("a", id)).collect();
    append(backend, 0, &all)
}

fn from(after: Position, channels: ChannelRange) -> ReadStream {
    ReadStream {
        after,
        channels,
        limit: 100,
    }
}

/// Everything after a position.
fn read(
    backend: &Arc<dyn Backend>,
    after: Position,
    channels: ChannelRange,
) -> Result<Vec<Record>, StoreError> {
    let mut request = from(after, channels);
    let mut records = Vec::new();
    loop {
        let slice = backend.read_stream(&request)?;
        records.extend(slice.records);
        assert!(slice.read_to >= request.after);
        if slice.read_to == request.after {
            return Ok(records);
        }
        request.after = slice.read_to;
    }
}

fn ids(records: &[Record]) -> Vec<&str> {
    records.iter().map(|it| it.id.as_str()).collect()
}

fn what_is_published_is_read_as_it_was(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    assert_eq!(backend.end_of_stream()?, 0);
    assert_eq!(read(backend, 0, ChannelRange::All)?, []);
    let sent = Publication {
        expires_at: Some(at(5000)),
        ..publication("security.alerts", "m1")
    };
    let position = the_one(append(backend, 7, &[sent])?);
    let record = Record {
        position,
        channel: "security.alerts".to_owned(),
        source: "healer".to_owned(),
        id: "m1".to_owned(),
        at: at(7),
        expires_at: Some(at(5000)),
        body: b"security.alerts/m1".to_vec(),
    };
    assert!(position > 0);
    assert_eq!(read(backend, 0, ChannelRange::All)?, [record]);
    assert_eq!(backend.end_of_stream()?, position);
    assert_eq!(backend.append(&[], at(0))?, []);
    Ok(())
}

fn positions_grow_in_the_order_of_publication(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let mut positions = append_ids(backend, &["1", "2", "3"])?;
    positions.extend(append_ids(backend, &["4"])?);
    assert!(positions.is_sorted_by(|one, next| one < next));
    let records = read(backend, 0, ChannelRange::All)?;
    assert_eq!(ids(&records), ["1", "2", "3", "4"]);
    let read: Vec<_> = records.iter().map(|it| it.position).collect();
    assert_eq!(read, positions);
    Ok(())
}

fn a_message_id_is_published_once_in_a_channel(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let first = the_one(append_ids(backend, &["m"])?);
    let again = Publication {
        body: b"other".to_vec(),
        ..publication("a", "m")
    };
    let elsewhere = publication("b", "m");
    let appended = backend.append(&[again, elsewhere], at(1))?;
    assert_eq!(appended.first(), Some(&Appended::Duplicate(first)));
    assert!(matches!(appended.last(), Some(Appended::New(position)) if *position > first));
    let records = read(backend, 0, ChannelRange::All)?;
    assert_eq!(records.len(), 2);
    assert_eq!(
        records.first().map(|it| it.body.as_slice()),
        Some(&b"a/m"[..])
    );
    Ok(())
}

fn of_two_with_one_id_in_a_call_the_first_is_written(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let second = Publication {
        body: b"second".to_vec(),
        deliver: vec![message("q", "second")],
        ..publication("a", "m")
    };
    let appended = backend.append(&[publication("a", "m"), second], at(0))?;
    let [Appended::New(one), Appended::Duplicate(two)] = appended.as_slice() else {
        panic!("{appended:?}");
    };
    assert_eq!(one, two);
    assert_eq!(
        the_one(read(backend, 0, ChannelRange::All)?).body,
        b"a/m".to_vec()
    );
    assert_counts(backend.as_ref(), "q", at(0), (0, 0, 0))
}

fn messages_of_a_publication_are_in_their_queues_with_it(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let one = Publication {
        deliver: vec![message("q", "to q"), message("r", "to r")],
        ..publication("a", "1")
    };
    let two = Publication {
        deliver: vec![message("q", "to q again")],
        ..publication("a", "2")
    };
    append(backend, 0, &[one, publication("a", "none"), two])?;
    assert_counts(backend.as_ref(), "q", at(0), (2, 0, 0))?;
    let first = receive_one(backend.as_ref(), "q", at(0))?;
    assert_eq!(first.body, b"to q");
    assert_eq!(first.published_at, at(0));
    assert_eq!(receive_one(backend.as_ref(), "r", at(0))?.body, b"to r");
    Ok(())
}

fn messages_of_a_publication_that_is_there_are_not_written_again(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let sent = Publication {
        deliver: vec![message("q", "body")],
        ..publication("a", "1")
    };
    append(backend, 0, std::slice::from_ref(&sent))?;
    backend.append(&[sent], at(0))?;
    assert_counts(backend.as_ref(), "q", at(0), (1, 0, 0))
}

fn one_channel_is_read_without_the_others(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let sent = ["a", "b", "a.b", "a"].iter().zip(["1", "2", "3", "4"]);
    let sent: Vec<_> = sent.map(|(channel, id)| publication(channel, id)).collect();
    append(backend, 0, &sent)?;
    let one = ChannelRange::One("a".to_owned());
    assert_eq!(ids(&read(backend, 0, one)?), ["1", "4"]);
    let none = ChannelRange::One("c".to_owned());
    assert_eq!(read(backend, 0, none)?, []);
    Ok(())
}

fn channels_are_read_by_what_their_names_begin_with(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let channels = ["security.a", "secure", "security.b", "other", "security."];
    let sent: Vec<_> = channels.iter().map(|it| publication(it, it)).collect();
    append(backend, 0, &sent)?;
    let under = |prefix: &str| ChannelRange::Prefix(prefix.to_owned());
    assert_eq!(
        ids(&read(backend, 0, under("security."))?),
        ["security.a", "security.b", "security."]
    );
    assert_eq!(read(backend, 0, under(""))?.len(), 5);
    assert_eq!(read(backend, 0, under("z"))?, []);
    Ok(())
}

fn reading_goes_on_where_it_stopped(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    append_ids(backend, &["1", "2", "3", "4", "5"])?;
    let mut request = from(0, ChannelRange::One("a".to_owned()));
    request.limit = 2;
    let mut slices = Vec::new();
    loop {
        let slice = backend.read_stream(&request)?;
        if slice.read_to == request.after {
            break;
        }
        request.after = slice.read_to;
        slices.push(slice.records.len());
    }
    assert_eq!(slices.iter().sum::<usize>(), 5);
    assert!(slices.iter().all(|it| *it <= 2));
    append_ids(backend, &["6"])?;
    assert_eq!(
        ids(&read(backend, request.after, ChannelRange::All)?),
        ["6"]
    );
    Ok(())
}

fn reading_a_stream_to_its_end_moves_on_past_what_was_not_asked_for(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let end = append_ids(backend, &["1", "2"])?.pop().unwrap_or_default();
    for channels in [
        ChannelRange::One("b".to_owned()),
        ChannelRange::Prefix("b".to_owned()),
    ] {
        let slice = backend.read_stream(&from(0, channels.clone()))?;
        assert_eq!((slice.records.len(), slice.read_to), (0, end));
        let beyond = backend.read_stream(&from(end + 10, channels))?;
        assert_eq!(beyond.read_to, end + 10, "never backwards");
    }
    Ok(())
}

fn records_are_read_by_their_positions(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let positions = append_ids(backend, &["1", "2", "3"])?;
    let [one, _, three] = positions.as_slice() else {
        panic!("{positions:?}");
    };
    let found = backend.records_at(&[*three, three + 99, *one])?;
    assert_eq!(ids(&found), ["3", "1"]);
    assert_eq!(backend.records_at(&[])?, []);
    Ok(())
}

fn a_record_is_found_by_its_id(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    append(backend, 0, &[publication("a", "1"), publication("b", "1")])?;
    let found = backend.find_record("b", "1")?;
    assert_eq!(found.map(|it| it.body), Some(b"b/1".to_vec()));
    assert_eq!(backend.find_record("b", "2")?, None);
    assert_eq!(backend.find_record("c", "1")?, None);
    Ok(())
}

fn a_time_is_turned_into_a_position(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    assert_eq!(backend.position_before(at(0))?, 0);
    for (id, millis) in [("1", 10), ("2", 20), ("3", 20), ("4", 30)] {
        append(backend, millis, &[publication("a", id)])?;
    }
    for (millis, expected) in [
        (0, &["1", "2", "3", "4"][..]),
        (10, &["1", "2", "3", "4"]),
        (11, &["2", "3", "4"]),
        (20, &["2", "3", "4"]),
        (30, &["4"]),
        (31, &[]),
    ] {
        let position = backend.position_before(at(millis))?;
        let records = read(backend, position, ChannelRange::All)?;
        assert_eq!(ids(&records), expected, "from {millis} on");
    }
    Ok(())
}

fn trim(before: i64, channel: Option<&str>) -> TrimStream {
    TrimStream {
        before: at(before),
        channel: channel.map(ToOwned::to_owned),
        up_to: Position::MAX,
        limit: 100,
    }
}

fn trimming_removes_what_is_old(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    for (id, millis) in [("1", 10), ("2", 20), ("3", 30), ("4", 40)] {
        append(backend, millis, &[publication("a", id)])?;
    }
    let one = TrimStream {
        limit: 1,
        ..trim(30, None)
    };
    assert_eq!(backend.trim_stream(&one)?, 1);
    assert_eq!(ids(&read(backend, 0, ChannelRange::All)?), ["2", "3", "4"]);
    assert_eq!(backend.trim_stream(&trim(30, None))?, 1);
    assert_eq!(backend.trim_stream(&trim(30, None))?, 0);
    assert_eq!(ids(&read(backend, 0, ChannelRange::All)?), ["3", "4"]);
    let one = ChannelRange::One("a".to_owned());
    assert_eq!(ids(&read(backend, 0, one)?), ["3", "4"]);
    Ok(())
}

fn trimming_spares_other_channels_and_what_is_still_to_be_read(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let sent = [("a", "1"), ("b", "2"), ("a", "3"), ("a", "4")];
    let sent = sent.map(|(channel, id)| publication(channel, id));
    let positions = append(backend, 0, &sent)?;
    let bounded = TrimStream {
        up_to: positions.get(2).copied().unwrap_or_default(),
        ..trim(99, Some("a"))
    };
    assert_eq!(backend.trim_stream(&bounded)?, 2);
    assert_eq!(ids(&read(backend, 0, ChannelRange::All)?), ["2", "4"]);
    assert_eq!(backend.trim_stream(&trim(99, Some("c")))?, 0);
    Ok(())
}

fn a_position_is_never_given_again(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let last = append_ids(backend, &["1", "2"])?.pop().unwrap_or_default();
    assert_eq!(backend.trim_stream(&trim(99, None))?, 2);
    assert_eq!(backend.end_of_stream()?, last);
    assert_eq!(backend.position_before(at(0))?, last);
    assert!(the_one(append_ids(backend, &["3"])?) > last);
    Ok(())
}

fn an_id_is_free_again_once_its_record_is_gone(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    append_ids(backend, &["1"])?;
    backend.trim_stream(&trim(99, None))?;
    assert_eq!(backend.find_record("a", "1")?, None);
    append_ids(backend, &["1"])?;
    Ok(())
}

fn channels_are_counted(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    assert_eq!(backend.channels()?, []);
    let sent = [("b", "1"), ("a", "2"), ("b", "3")];
    let sent = sent.map(|(channel, id)| publication(channel, id));
    let positions = append(backend, 0, &sent)?;
    let [one, two, three] = positions.as_slice() else {
        panic!("{positions:?}");
    };
    let size = |channel: &str, records, first: &Position, last: &Position| ChannelSize {
        channel: channel.to_owned(),
        records,
        first: *first,
        last: *last,
    };
    let expected = [size("a", 1, two, two), size("b", 2, one, three)];
    assert_eq!(backend.channels()?, expected);
    backend.trim_stream(&trim(99, Some("b")))?;
    assert_eq!(backend.channels()?, [size("a", 1, two, two)]);
    Ok(())
}

fn a_commit_publishes_with_its_transition(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let mut created = first(1);
    created.publish = vec![Publication {
        deliver: vec![message("q", "delivery")],
        ..publication("ossa.run.created", "1")
    }];
    let mut next = after(&created);
    next.publish = vec![
        publication("ossa.run.created", "1"),
        publication("ossa.run.completed", "2"),
    ];
    let other = first(2);
    let outcomes = backend.commit(&[created, next, other])?;
    assert_eq!(outcomes, vec![CommitOutcome::Committed; 3]);
    let records = read(backend, 0, ChannelRange::All)?;
    assert_eq!(ids(&records), ["1", "2"]);
    assert_eq!(records.first().map(|it| it.at), Some(at(1)));
    assert_counts(backend.as_ref(), "q", at(0), (1, 0, 0))
}

fn a_commit_that_conflicts_publishes_nothing(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    backend.commit(&[first(1)])?;
    let mut again = first(1);
    again.publish = vec![publication("a", "1")];
    let mut good = first(2);
    good.publish = vec![publication("a", "2")];
    backend.commit(&[again, good])?;
    assert_eq!(ids(&read(backend, 0, ChannelRange::All)?), ["2"]);
    Ok(())
}

fn names_and_bodies_of_any_kind_are_kept(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    let odd = Publication {
        channel: "ünïcode.канал".to_owned(),
        source: "agent://ns/ñame \"quoted\"".to_owned(),
        id: "%_'\\ \u{1f980}".to_owned(),
        expires_at: None,
        body: vec![0, 255, 128, 10, 0],
        deliver: Vec::new(),
    };
    let empty = Publication {
        body: Vec::new(),
        ..publication("a", "empty")
    };
    append(backend, 0, &[odd.clone(), empty])?;
    let found = backend.find_record(&odd.channel, &odd.id)?;
    let found = found.map(|it| (it.channel, it.source, it.id, it.body));
    assert_eq!(found, Some((odd.channel, odd.source, odd.id, odd.body)));
    let empty = backend.find_record("a", "empty")?;
    assert_eq!(empty.map(|it| it.body), Some(Vec::new()));
    Ok(())
}

/// The promise readers with a cursor live by: nothing becomes visible below what they have read.
fn a_reader_that_follows_several_writers_misses_nothing(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    const WRITERS: u32 = 4;
    const EACH: usize = 40;
    let writing = AtomicUsize::new(WRITERS as usize);
    let followed = in_threads(WRITERS + 1, |thread| {
        if thread < WRITERS {
            let written = (0..EACH).try_for_each(|turn| {
                let id = format!("{thread}/{turn}");
                match turn % 3 {
                    0 => {
                        let mut commit =
                            first(1 + thread * 1000 + u32::try_from(turn).unwrap_or(0));
                        commit.publish = vec![publication("a", &id)];
                        backend.commit(&[commit]).map(drop)
                    }
                    _ => backend.append(&[publication("a", &id)], at(0)).map(drop),
                }
            });
            writing.fetch_sub(1, Ordering::AcqRel);
            return written.map(|()| Vec::new());
        }
        let mut request = from(0, ChannelRange::All);
        request.limit = 7;
        let mut seen = Vec::new();
        loop {
            let finished = writing.load(Ordering::Acquire) == 0;
            let slice = backend.read_stream(&request)?;
            let moved = slice.read_to > request.after;
            request.after = slice.read_to;
            seen.extend(slice.records.into_iter().map(|it| it.id));
            if finished && !moved {
                return Ok(seen);
            }
        }
    })?;
    let seen: Vec<_> = followed.into_iter().flatten().collect();
    let distinct: HashSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), WRITERS as usize * EACH, "some were missed");
    assert_eq!(seen.len(), distinct.len(), "some were read twice");
    Ok(())
}

fn of_several_threads_that_publish_one_id_one_does(
    backend: &Arc<dyn Backend>,
) -> Result<(), StoreError> {
    let appended = in_threads(4, |_| {
        let mut all = Vec::new();
        for turn in 0..20 {
            let sent = Publication {
                deliver: vec![message("q", "delivery")],
                ..publication("a", &turn.to_string())
            };
            all.extend(backend.append(&[sent], at(0))?);
        }
        Ok(all)
    })?;
    let all = appended.into_iter().flatten();
    let new = all.filter(|it| matches!(it, Appended::New(_))).count();
    assert_eq!(new, 20);
    assert_counts(backend.as_ref(), "q", at(0), (20, 0, 0))
}

fn who_waits_is_told_of_a_new_record(backend: &Arc<dyn Backend>) -> Result<(), StoreError> {
    wakes(backend, || {
        backend.append(&[publication("a", "1")], at(0)).map(drop)
    })
}
