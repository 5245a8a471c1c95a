//! Step tokens: what a worker holds to claim an attempt and to report its result.
//!
//! A token names one attempt and is signed with the store's key, so it can travel through any transport and cannot be
//! made up. Its text is base64url without padding of: format version (1 byte), run (16), scope, node and attempt (4 each,
//! big-endian), and the first 16 bytes of HMAC-SHA256 over all before.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;
use uuid::Uuid;

use crate::port::{RunId, StepRef};

const FORMAT: u8 = 1;
const NAMED: usize = 1 + 16 + 3 * 4;
const SIGNATURE: usize = 16;
const LENGTH: usize = NAMED + SIGNATURE;

/// Why a text is not a token of this store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum TokenError {
    /// Not the text of a token, or of a version this build does not know.
    #[error("the token is malformed")]
    Malformed,
    /// The signature was made with another key: the token belongs to another store, or was made up.
    #[error("the token was not signed by this store")]
    Foreign,
}

/// Makes and reads the tokens of one store.
#[derive(Clone)]
pub(super) struct TokenSigner(Hmac<Sha256>);

impl TokenSigner {
    /// A signer with the store's key.
    pub(super) fn new(key: &[u8; 32]) -> Self {
        // A key of any length is valid for HMAC; one of the hash's block size needs no fallible path at all.
        let mut block = [0_u8; 64];
        for (place, byte) in block.iter_mut().zip(key) {
            *place = *byte;
        }
        Self(Hmac::new(&block.into()))
    }

    /// The token of an attempt.
    pub(super) fn sign(&self, step: &StepRef) -> String {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(FORMAT);
        bytes.extend_from_slice(step.run.as_uuid().as_bytes());
        for number in [step.scope, step.node, step.attempt] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        let mut mac = self.0.clone();
        mac.update(&bytes);
        bytes.extend(mac.finalize().into_bytes().iter().take(SIGNATURE));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The attempt a token names. The signature is compared in constant time.
    pub(super) fn read(&self, token: &str) -> Result<StepRef, TokenError> {
        let bytes = URL_SAFE_NO_PAD
            .decode(token)
            .map_err(|_| TokenError::Malformed)?;
        let (named, signature) = bytes
            .split_at_checked(NAMED)
            .filter(|(_, signature)| signature.len() == SIGNATURE)
            .ok_or(TokenError::Malformed)?;
        let step = parse(named).ok_or(TokenError::Malformed)?;
        let mut mac = self.0.clone();
        mac.update(named);
        mac.verify_truncated_left(signature)
            .map_err(|_| TokenError::Foreign)?;
        Ok(step)
    }
}

fn parse(named: &[u8]) -> Option<StepRef> {
    let (format, rest) = named.split_first()?;
    let (run, rest) = rest.split_first_chunk::<16>()?;
    let (scope, rest) = rest.split_first_chunk::<4>()?;
    let (node, rest) = rest.split_first_chunk::<4>()?;
    let (attempt, rest) = rest.split_first_chunk::<4>()?;
    (*format == FORMAT && rest.is_empty()).then(|| StepRef {
        run: RunId::from_uuid(Uuid::from_bytes(*run)),
        scope: u32::from_be_bytes(*scope),
        node: u32::from_be_bytes(*node),
        attempt: u32::from_be_bytes(*attempt),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use proptest::prelude::*;

    use super::*;

    fn step() -> StepRef {
        StepRef {
            run: RunId::from_uuid(Uuid::from_u128(0x0193_4f3a_0000_7000_8000_0000_0000_0001)),
            scope: 0,
            node: 3,
            attempt: 2,
        }
    }

    #[test]
    fn a_token_names_the_attempt_it_was_made_for() {
        let signer = TokenSigner::new(&[7; 32]);
        assert_eq!(signer.read(&signer.sign(&step())), Ok(step()));
    }

    #[test]
    fn a_token_of_another_store_is_refused_as_foreign() {
        let token = TokenSigner::new(&[7; 32]).sign(&step());
        assert_eq!(
            TokenSigner::new(&[8; 32]).read(&token),
            Err(TokenError::Foreign)
        );
    }

    #[test]
    fn text_that_is_no_token_is_refused_as_malformed() {
        let signer = TokenSigner::new(&[7; 32]);
        let token = signer.sign(&step());
        for text in ["", "x", "not a token!", &token[1..], &format!("{token}AA")] {
            assert_eq!(signer.read(text), Err(TokenError::Malformed), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_token_with_one_changed_bit_is_never_accepted(bit in 0..LENGTH * 8) {
            let signer = TokenSigner::new(&[7; 32]);
            let mut bytes = URL_SAFE_NO_PAD.decode(signer.sign(&step())).unwrap();
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(signer.read(&URL_SAFE_NO_PAD.encode(bytes)).is_err());
        }

        #[test]
        fn no_text_makes_reading_panic(text in ".*") {
            let _ = TokenSigner::new(&[7; 32]).read(&text);
        }
    }
}
