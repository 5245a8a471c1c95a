//! Callers that write at the same time share one transaction, and with it one wait for the disk.
//!
//! Whoever finds nobody writing writes at once and waits for nobody. Whoever comes while another writes leaves a copy of
//! its batch in the line and sleeps; the next one to write takes the batches in line into its transaction and wakes their
//! callers with their answers. Batches that come after that wait for the next, which the first of them writes.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::batch::{Batch, Written};
use crate::port::StoreError;

/// Batches one transaction takes in at most, so that no caller waits for an endless one.
const SHARED: usize = 128;

type Answer = Result<Written, StoreError>;

#[derive(Debug, Default)]
pub(super) struct Group {
    line: Mutex<Line>,
}

#[derive(Debug, Default)]
struct Line {
    /// Whether somebody has the turn.
    writing: bool,
    waiting: VecDeque<Arc<Place>>,
}

/// One caller's place in the line.
#[derive(Debug)]
struct Place {
    /// What others may write for it.
    batch: Batch<'static>,
    call: Mutex<Call>,
    called: Condvar,
}

#[derive(Debug)]
enum Call {
    Wait,
    YourTurn,
    Answer(Answer),
}

/// How the wait ended.
pub(super) enum Entry<'a> {
    /// It is the caller's turn to write.
    Turn(Turn<'a>),
    /// Another caller wrote the batch.
    Written(Answer),
}

impl Group {
    /// Waits for the turn, or for somebody to write the batch.
    pub(super) fn enter(&self, batch: &Batch<'_>) -> Entry<'_> {
        let place = {
            let mut line = self.line.lock();
            if !line.writing {
                line.writing = true;
                return Entry::Turn(Turn::of(self));
            }
            // Copying takes longer than the lock should be held.
            drop(line);
            let place = Arc::new(Place {
                batch: batch.to_owned(),
                call: Mutex::new(Call::Wait),
                called: Condvar::new(),
            });
            line = self.line.lock();
            if !line.writing {
                line.writing = true;
                return Entry::Turn(Turn::of(self));
            }
            line.waiting.push_back(Arc::clone(&place));
            place
        };
        let mut call = place.call.lock();
        place
            .called
            .wait_while(&mut call, |call| matches!(call, Call::Wait));
        match std::mem::replace(&mut *call, Call::Wait) {
            Call::Answer(answer) => Entry::Written(answer),
            Call::Wait | Call::YourTurn => Entry::Turn(Turn::of(self)),
        }
    }
}

impl Place {
    fn tell(&self, call: Call) {
        *self.call.lock() = call;
        self.called.notify_one();
    }
}

/// The right to write. Giving it up, be it by a panic, answers whoever was taken in and passes it on.
pub(super) struct Turn<'a> {
    group: &'a Group,
    taken: Vec<Arc<Place>>,
}

impl<'a> Turn<'a> {
    fn of(group: &'a Group) -> Self {
        Self {
            group,
            taken: Vec::new(),
        }
    }

    /// The next batch in the line, unless there is none or enough were taken in.
    pub(super) fn take_in(&mut self) -> Option<&Batch<'static>> {
        if self.taken.len() >= SHARED {
            return None;
        }
        let next = self.group.line.lock().waiting.pop_front()?;
        self.taken.push(next);
        self.taken.last().map(|place| &place.batch)
    }

    /// Answers those taken in, in the order they were.
    pub(super) fn answer(mut self, answers: impl Iterator<Item = Answer>) {
        for (place, answer) in self.taken.drain(..).zip(answers) {
            place.tell(Call::Answer(answer));
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        for place in self.taken.drain(..) {
            place.tell(Call::Answer(Err(StoreError::Failed {
                operation: "commit",
                reason: "the thread that wrote for several callers panicked".to_owned(),
            })));
        }
        let mut line = self.group.line.lock();
        match line.waiting.pop_front() {
            Some(next) => next.tell(Call::YourTurn),
            None => line.writing = false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    use super::*;
    use crate::port::Timestamp;

    /// A batch told from others by its time.
    fn batch(number: i64) -> Batch<'static> {
        Batch {
            now: Timestamp::from_millis(number),
            ..Batch::default()
        }
    }

    fn turn<'a>(group: &'a Group, batch: &Batch<'_>) -> Turn<'a> {
        match group.enter(batch) {
            Entry::Turn(turn) => turn,
            Entry::Written(answer) => panic!("{answer:?}"),
        }
    }

    /// Waits until so many callers are in the line.
    fn in_line(group: &Group, number: usize) {
        while group.line.lock().waiting.len() < number {
            thread::yield_now();
        }
    }

    fn refusal(number: i64) -> StoreError {
        StoreError::Failed {
            operation: "commit",
            reason: number.to_string(),
        }
    }

    #[test]
    fn each_caller_taken_in_gets_its_own_answer() {
        let group = Group::default();
        let mut leader = turn(&group, &batch(0));
        thread::scope(|scope| {
            let callers: Vec<_> = (1..=3)
                .map(|number| {
                    let group = &group;
                    (
                        number,
                        scope.spawn(move || match group.enter(&batch(number)) {
                            Entry::Written(answer) => answer.map(drop).unwrap_err(),
                            Entry::Turn(_) => panic!("nobody wrote it"),
                        }),
                    )
                })
                .collect();
            in_line(&group, 3);
            let mut taken = Vec::new();
            while let Some(batch) = leader.take_in() {
                taken.push(batch.now.as_millis());
            }
            leader.answer(taken.into_iter().map(|number| Err(refusal(number))));
            for (number, caller) in callers {
                assert_eq!(caller.join().unwrap(), refusal(number));
            }
        });
    }

    #[test]
    fn a_panic_while_writing_answers_those_taken_in_and_lets_the_next_write() {
        let group = Group::default();
        let mut leader = turn(&group, &batch(0));
        thread::scope(|scope| {
            let taken = scope.spawn(|| match group.enter(&batch(1)) {
                Entry::Written(answer) => answer.map(drop),
                Entry::Turn(_) => panic!("nobody wrote it"),
            });
            in_line(&group, 1);
            leader.take_in().unwrap();
            let next = scope.spawn(|| drop(turn(&group, &batch(2))));
            in_line(&group, 1);
            let panicked = catch_unwind(AssertUnwindSafe(move || {
                let _leader = leader;
                panic!("while writing");
            }));
            assert!(panicked.is_err());
            assert!(matches!(
                taken.join().unwrap(),
                Err(StoreError::Failed { .. })
            ));
            next.join().unwrap();
        });
        drop(turn(&group, &batch(3)));
    }

    #[test]
    fn one_turn_takes_in_a_bounded_number() {
        let group = Group::default();
        let mut leader = turn(&group, &batch(0));
        thread::scope(|scope| {
            for number in 0..=SHARED {
                let group = &group;
                scope.spawn(move || drop(group.enter(&batch(number.try_into().unwrap()))));
            }
            in_line(&group, SHARED + 1);
            let taken = std::iter::from_fn(|| leader.take_in().map(drop)).count();
            assert_eq!(taken, SHARED);
            leader.answer(std::iter::repeat_with(|| Err(refusal(0))));
        });
    }
}
