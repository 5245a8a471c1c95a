#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const FREE: Bounds = Bounds {
    at_once: None,
    rate: None,
};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn record(position: Position, line: u64) -> Waiting {
    Waiting {
        position,
        line: Some(line),
    }
}

/// Offers at time 0, with a lease of 100.
fn offer(follower: &mut Follower, position: Position, line: u64) -> Offered {
    follower.offer(record(position, line), FREE, at(0), at(100))
}

fn positions(held: &[Held]) -> Vec<Position> {
    held.iter().map(|it| it.position).collect()
}

fn fence_of(offered: Offered) -> u64 {
    match offered {
        Offered::Taken(held) => held.fence,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn a_line_goes_on_when_what_is_in_hands_is_done_and_others_do_not_wait_for_it() {
    let mut follower = Follower::default();
    let first = fence_of(offer(&mut follower, 1, 7));
    assert_eq!(offer(&mut follower, 2, 7), Offered::Waits);
    assert!(matches!(offer(&mut follower, 3, 8), Offered::Taken(_)));
    assert_eq!(follower.take(FREE, at(1), at(101), 9), []);
    assert!(follower.done(1, first));
    assert_eq!(positions(&follower.take(FREE, at(1), at(101), 9)), [2]);
}

#[test]
fn what_is_given_back_is_handed_out_again_before_the_rest_of_its_line() {
    let mut follower = Follower::default();
    let fence = fence_of(offer(&mut follower, 1, 7));
    offer(&mut follower, 2, 7);
    assert!(follower.give_back(1, fence, at(50)));
    assert_eq!(follower.next_change(FREE, at(0)), Some(at(50)));
    assert_eq!(follower.take(FREE, at(49), at(200), 9), []);
    let again = follower.take(FREE, at(50), at(200), 9);
    assert_eq!(positions(&again), [1]);
    assert_eq!(again.first().map(|it| it.losses), Some(0));
    assert!(!follower.done(1, fence), "the older claim is worth nothing");
}

#[test]
fn what_its_holder_lost_is_handed_out_again_and_counted() {
    let mut follower = Follower::default();
    offer(&mut follower, 1, 7);
    assert_eq!(follower.take(FREE, at(99), at(300), 9), []);
    let again = follower.take(FREE, at(100), at(300), 9);
    assert_eq!(again.first().map(|it| it.losses), Some(1));
}

#[test]
fn no_more_are_in_hands_than_may_be_at_once() {
    let two = Bounds {
        at_once: Some(2),
        rate: None,
    };
    let mut follower = Follower::default();
    for position in 1..=2 {
        let offered = follower.offer(record(position, position), two, at(0), at(100));
        assert!(matches!(offered, Offered::Taken(_)));
    }
    assert_eq!(
        follower.offer(record(3, 3), two, at(0), at(100)),
        Offered::Full
    );
    assert_eq!(follower.read_to, 2);
}

#[test]
fn no_more_are_handed_out_in_a_stretch_of_time_than_may_be() {
    let bounds = Bounds {
        at_once: None,
        rate: Some(Rate {
            count: 2,
            per_ms: 1000,
        }),
    };
    let mut follower = Follower::default();
    let mut offer = |position, now| {
        let record = Waiting {
            position,
            line: None,
        };
        let offered = follower.offer(record, bounds, at(now), at(now + 9999));
        (offered, follower.next_change(bounds, at(now)))
    };
    assert!(matches!(offer(1, 10).0, Offered::Taken(_)));
    assert!(matches!(offer(2, 500).0, Offered::Taken(_)));
    let (offered, change) = offer(3, 600);
    assert_eq!((offered, change), (Offered::Full, Some(at(1010))));
    assert!(matches!(offer(3, 1010).0, Offered::Taken(_)));
}

#[test]
fn the_stream_is_needed_from_the_first_record_that_is_not_done() {
    let mut follower = Follower::after(4);
    assert_eq!(follower.needs_nothing_up_to(), 4);
    let fence = fence_of(offer(&mut follower, 5, 7));
    offer(&mut follower, 6, 7);
    follower.pass(9);
    assert_eq!(follower.needs_nothing_up_to(), 4);
    follower.done(5, fence);
    assert_eq!(follower.needs_nothing_up_to(), 5);
}

#[test]
fn so_many_may_wait_and_no_more() {
    let mut follower = Follower::default();
    offer(&mut follower, 1, 7);
    let waiting = u64::try_from(MOST_WAITING).unwrap();
    for position in 2..2 + waiting {
        assert_eq!(offer(&mut follower, position, 7), Offered::Waits);
    }
    assert_eq!(offer(&mut follower, waiting + 2, 7), Offered::Full);
    assert_eq!(offer(&mut follower, waiting + 2, 7), Offered::Full);
}

/// What happens to a follower.
#[derive(Debug, Clone)]
enum Step {
    /// A record of this line is published.
    Publish(u64),
    /// A worker asks for so many.
    Take(usize),
    /// The held one at this place, counted around, is done, given back for so long, or its holder dies.
    Done(usize),
    GiveBack(usize, i64),
    Pass(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0_u64..4).prop_map(Step::Publish),
        3 => (1_usize..5).prop_map(Step::Take),
        4 => any::<usize>().prop_map(Step::Done),
        1 => (any::<usize>(), 1_i64..50).prop_map(|(place, by)| Step::GiveBack(place, by)),
        1 => (1_i64..150).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..120)
}

/// A stream and one who follows it.
#[derive(Default)]
struct World {
    stream: Vec<Waiting>,
    follower: Follower,
    now: i64,
    /// Who holds what, with the end of the lease.
    hands: BTreeMap<Position, (Held, i64)>,
    done: Vec<Waiting>,
}

impl World {
    fn take(&mut self, bounds: Bounds, most: usize) {
        let until = at(self.now + 100);
        let mut taken = self.follower.take(bounds, at(self.now), until, most);
        for record in self.stream.clone() {
            if taken.len() >= most || record.position <= self.follower.read_to {
                continue;
            }
            match self.follower.offer(record, bounds, at(self.now), until) {
                Offered::Taken(held) => taken.push(held),
                Offered::Waits => {}
                Offered::Full => break,
            }
        }
        for held in taken {
            let before = self.hands.insert(held.position, (held, self.now + 100));
            assert!(
                before.is_none_or(|(_, until)| until <= self.now),
                "held by two"
            );
            assert!(
                self.done.iter().all(|it| it.position != held.position),
                "done already"
            );
        }
        let live = self.hands.values().filter(|(_, until)| *until > self.now);
        assert!(
            bounds
                .at_once
                .is_none_or(|most| live.count() <= most as usize)
        );
    }

    fn held(&self, place: usize) -> Option<Held> {
        let live: Vec<_> = self
            .hands
            .values()
            .filter(|(_, until)| *until > self.now)
            .collect();
        let place = place.checked_rem(live.len())?;
        live.get(place).map(|(held, _)| *held)
    }

    fn finish(&mut self, held: Held) {
        assert!(self.follower.done(held.position, held.fence));
        self.hands.remove(&held.position);
        let line = held.line;
        self.done.push(Waiting {
            position: held.position,
            line,
        });
    }

    fn step(&mut self, step: &Step, bounds: Bounds) {
        match step {
            Step::Publish(line) => {
                let position = self.stream.len() as Position + 1;
                self.stream.push(record(position, *line));
            }
            Step::Take(most) => self.take(bounds, *most),
            Step::Done(place) => {
                if let Some(held) = self.held(*place) {
                    self.finish(held);
                }
            }
            Step::GiveBack(place, by) => {
                if let Some(held) = self.held(*place) {
                    let later = at(self.now + by);
                    assert!(self.follower.give_back(held.position, held.fence, later));
                    self.hands.remove(&held.position);
                }
            }
            Step::Pass(millis) => self.now += millis,
        }
        // What is kept is what is read.
        let json = serde_json::to_string(&self.follower).unwrap();
        assert_eq!(
            serde_json::from_str::<Follower>(&json).unwrap(),
            self.follower
        );
    }
}

proptest! {
    #[test]
    fn every_record_is_done_once_and_every_line_in_its_order(steps in steps(), at_once in prop::option::of(1_u32..4)) {
        let bounds = Bounds { at_once, rate: None };
        let mut world = World::default();
        for step in &steps {
            world.step(step, bounds);
        }
        // In the end, everything is worked off.
        for _ in 0..world.stream.len() * 2 + 2 {
            world.now += 200;
            world.take(bounds, 3);
            while let Some(held) = world.held(0) {
                world.finish(held);
            }
        }
        let done: BTreeSet<_> = world.done.iter().map(|it| it.position).collect();
        prop_assert_eq!(done.len(), world.stream.len());
        prop_assert_eq!(world.done.len(), done.len());
        for line in 0..4 {
            let line: Vec<_> = world.done.iter().filter(|it| it.line == Some(line)).map(|it| it.position).collect();
            prop_assert!(line.is_sorted(), "{line:?}");
        }
        prop_assert_eq!(world.follower.needs_nothing_up_to(), world.stream.len() as Position);
    }
}
