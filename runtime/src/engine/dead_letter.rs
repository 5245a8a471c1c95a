//! Why a message was given up, told in its headers.

use serde_json::{Map, Value};

/// The headers of a message together with why it is given up: `ossa-error-code` and `ossa-error`. Headers that are no JSON object
/// are the host's own and stay as they are.
pub(super) fn with_reason(headers: &[u8], code: &str, reason: &str) -> Vec<u8> {
    let members = match headers {
        [] => Some(Map::new()),
        headers => serde_json::from_slice(headers).ok(),
    };
    let Some(mut members) = members else {
        return headers.to_vec();
    };
    members.insert("ossa-error-code".to_owned(), code.into());
    members.insert("ossa-error".to_owned(), reason.into());
    Value::Object(members).to_string().into_bytes()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_of_the_host_stay_beside_the_reason() {
        let told = |headers: &[u8]| String::from_utf8(with_reason(headers, "CODE", "why")).unwrap();
        let reason = r#""ossa-error-code":"CODE","ossa-error":"why"}"#;
        assert_eq!(told(b""), format!("{{{reason}"));
        assert_eq!(
            told(br#"{"type":"Mail"}"#),
            format!(r#"{{"type":"Mail",{reason}"#)
        );
        assert_eq!(told(b"type: Mail"), "type: Mail");
    }
}
