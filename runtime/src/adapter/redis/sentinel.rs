//! Sentinels: they know which of several servers is the primary at present.

use redis::{Connection, ConnectionLike as _, FromRedisValue as _, RedisError, Value, cmd};

use super::fault::Circumstance;
use super::server::{Line, Server};
use crate::adapter::authority;
use crate::port::StoreError;

impl Server {
    /// A connection to the primary that the first sentinel that answers names.
    pub(super) fn connect_to_primary(
        &self,
        operation: &'static str,
        name: &str,
    ) -> Result<Line, StoreError> {
        let mut fault = None;
        for sentinel in &self.options.nodes {
            let found = self
                .dial(sentinel, false)
                .and_then(|mut connection| primary(&mut connection, name));
            let node = match found {
                Ok(Some(node)) => node,
                Ok(None) => {
                    let place = authority::place(&sentinel.0, sentinel.1);
                    fault.get_or_insert(StoreError::Unavailable {
                        operation,
                        reason: format!("the sentinel at {place} knows no primary named `{name}`"),
                    });
                    continue;
                }
                Err(error) => {
                    fault.get_or_insert(refused(operation, sentinel, &error));
                    continue;
                }
            };
            match self.dial(&node, true).and_then(checked) {
                Ok(Some(connection)) => return Ok(self.line_to(node, connection)),
                // The sentinels have not agreed yet.
                Ok(None) => {
                    let place = authority::place(&node.0, node.1);
                    fault.get_or_insert(StoreError::Unavailable {
                        operation,
                        reason: format!("{place} is a replica, and was named as the primary"),
                    });
                }
                Err(error) => {
                    fault.get_or_insert(refused(operation, &node, &error));
                }
            }
        }
        Err(fault.unwrap_or_else(|| StoreError::Failed {
            operation,
            reason: "no sentinel is named".to_owned(),
        }))
    }
}

fn refused(operation: &'static str, node: &(String, u16), error: &RedisError) -> StoreError {
    Circumstance {
        operation,
        node,
        outcome_unknown: false,
    }
    .error(error)
}

fn primary(connection: &mut Connection, name: &str) -> redis::RedisResult<Option<(String, u16)>> {
    let mut ask = cmd("SENTINEL");
    ask.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
    ask.query(connection)
}

/// The connection, if it leads to a primary.
fn checked(mut connection: Connection) -> redis::RedisResult<Option<Connection>> {
    let role = connection.req_command(&cmd("ROLE"))?.extract_error()?;
    let role = match role {
        Value::Array(answer) => answer.into_iter().next().unwrap_or(Value::Nil),
        other => other,
    };
    let is_primary = String::from_redis_value(role)? == "master";
    Ok(is_primary.then_some(connection))
}
