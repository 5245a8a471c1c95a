//! How numbers and bytes cross the border to scripts, whose numbers are doubles.

use uuid::Uuid;

use crate::port::{RunId, StoreError, Timestamp};

/// The largest whole number up to which a double has them all. As a time it stands for [`Timestamp::NEVER`], its negative
/// for "none".
const FAR: i64 = (1 << 53) - 1;

/// How scripts get a time.
pub(super) fn millis(at: Timestamp) -> i64 {
    at.as_millis().clamp(-FAR, FAR)
}

pub(super) fn maybe_millis(at: Option<Timestamp>) -> i64 {
    at.map_or(-FAR, millis)
}

pub(super) fn timestamp(millis: i64) -> Timestamp {
    if millis >= FAR {
        return Timestamp::NEVER;
    }
    Timestamp::from_millis(millis)
}

pub(super) fn maybe_timestamp(millis: i64) -> Option<Timestamp> {
    (millis > -FAR).then(|| timestamp(millis))
}

/// A limit as scripts get it.
pub(super) fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(FAR).min(FAR)
}

/// Reads what was packed, from the front. Numbers have their most significant byte first.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// `what` is read, as an error names it.
    pub(super) const fn new(rest: &'a [u8], what: &'static str) -> Self {
        Self { rest, what }
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], StoreError> {
        let Some((bytes, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.damaged("it ends too early"));
        };
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let bytes = self.bytes(N)?;
        bytes
            .try_into()
            .map_err(|_| self.damaged("it ends too early"))
    }

    pub(super) fn u8(&mut self) -> Result<u8, StoreError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, StoreError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, StoreError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, StoreError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(super) fn i64(&mut self) -> Result<i64, StoreError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    pub(super) fn text(&mut self, count: usize) -> Result<&'a str, StoreError> {
        let bytes = self.bytes(count)?;
        std::str::from_utf8(bytes).map_err(|_| self.damaged("it is not UTF-8"))
    }

    pub(super) fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn rest_as_text(self) -> Result<&'a str, StoreError> {
        std::str::from_utf8(self.rest).map_err(|_| self.damaged("it is not UTF-8"))
    }

    pub(super) fn damaged(&self, reason: impl Into<String>) -> StoreError {
        damaged(self.what, reason)
    }
}

pub(super) fn damaged(what: impl Into<String>, reason: impl Into<String>) -> StoreError {
    StoreError::Corrupt {
        what: what.into(),
        reason: reason.into(),
    }
}

pub(super) fn run_id(text: &str) -> Result<RunId, StoreError> {
    Uuid::try_parse(text)
        .map(RunId::from_uuid)
        .map_err(|error| damaged(format!("the run id `{text}`"), error.to_string()))
}
