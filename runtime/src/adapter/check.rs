//! What every adapter refuses before it writes anything.

use crate::port::{Commit, StoreError};

/// Refuses commits whose versions do not follow one another: with them a run's log would have a gap.
pub(crate) fn check_commits(commits: &[Commit]) -> Result<(), StoreError> {
    commits.iter().try_for_each(check_commit)
}

fn check_commit(commit: &Commit) -> Result<(), StoreError> {
    let refuse = |what: String| {
        Err(StoreError::Failed {
            operation: "commit",
            reason: format!("run {}: {what}", commit.head.run),
        })
    };
    let next = commit.expected.unwrap_or_default().next();
    if commit.head.version != next {
        let found = commit.head.version;
        return refuse(format!("the head has version {found} instead of {next}"));
    }
    if commit.log.version != next {
        let found = commit.log.version;
        return refuse(format!("the log row has version {found} instead of {next}"));
    }
    match &commit.snapshot {
        Some(snapshot) if snapshot.version != next => {
            let found = snapshot.version;
            refuse(format!(
                "the snapshot shows version {found} instead of {next}"
            ))
        }
        _ => Ok(()),
    }
}
