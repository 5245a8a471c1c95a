//! A PHP object as the connection of the runtime's SQL store.

use std::sync::Arc;

use ext_php_rs::boxed::ZBox;
use ext_php_rs::convert::{IntoZval, IntoZvalDyn};
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendHashTable, ZendObject, Zval};
use ext_php_rs::zend::ExecutorGlobals;
use ossa_runtime::adapter::{
    SqlConnection, SqlError, SqlErrorKind, SqlField, SqlParam, SqlPlatform, SqlRow,
};

use super::interface::ConnectionArgument;
use super::thrown;
use crate::bound::Bound;
use crate::convert::to_php::{self, Binary};
use crate::zend::{is_exiting, message_of};

type Answer<T> = Result<T, SqlError>;

/// A connection that PHP code implements. Only the thread that handed it in reaches the object; calls of others are
/// refused.
#[derive(Clone)]
pub(crate) struct PhpConnection(Arc<Bound<Zval>>);

impl PhpConnection {
    pub(crate) fn new(connection: ConnectionArgument<'_>) -> Self {
        Self(Arc::new(Bound::new(connection.0.shallow_clone())))
    }

    fn object(&self) -> Answer<&ZendObject> {
        let object = self.0.get().ok_or_else(|| {
            failed(
                "the connection belongs to PHP code, and only the thread that runs it may call it",
            )
        })?;
        object
            .object()
            .ok_or_else(|| failed("the connection is no object"))
    }

    /// Calls a method of the object. Methods are found by their names in lower case.
    fn call(&self, method: &str, arguments: Vec<&dyn IntoZvalDyn>) -> Answer<Zval> {
        let object = self.object()?;
        if ExecutorGlobals::has_exception() {
            return Err(failed("PHP code is just throwing an exception"));
        }
        let answer = object.try_call_method(method, arguments);
        if ExecutorGlobals::has_exception() {
            return Err(caught(object));
        }
        answer.map_err(|error| failed(&error.to_string()))
    }

    fn statement(&self, method: &str, sql: &str, params: &[SqlParam<'_>]) -> Answer<Zval> {
        let mut values = to_php::with_capacity(params.len());
        let mut bytes = to_php::with_capacity(0);
        for (place, param) in (0_i64..).zip(params) {
            let pushed = match *param {
                SqlParam::Null => values.push(()),
                SqlParam::Integer(number) => values.push(number),
                SqlParam::Text(text) => values.push(text),
                SqlParam::Bytes(value) => bytes.push(place).and(values.push(Binary(value))),
            };
            pushed.map_err(|error| failed(&error.to_string()))?;
        }
        self.call(method, vec![&sql, &table(values)?, &table(bytes)?])
    }
}

impl SqlConnection for PhpConnection {
    fn platform(&self) -> Answer<SqlPlatform> {
        let name = self.call("platform", Vec::new())?;
        let name = name.str().unwrap_or_default();
        SqlPlatform::parse(name).ok_or_else(|| {
            failed(&format!(
                "\"{name}\" is none of the platforms sqlite, postgresql and mysql"
            ))
        })
    }

    fn query(&self, sql: &str, params: &[SqlParam<'_>]) -> Answer<Vec<SqlRow>> {
        let answer = self.statement("query", sql, params)?;
        let mut rows = Vec::new();
        let mut entries = entries(&answer)?.iter();
        while let Some((_, row)) = entries.next_zval() {
            let mut fields = Vec::new();
            let mut columns = self::entries(row)?.iter();
            while let Some((_, value)) = columns.next_zval() {
                fields.push(field(value)?);
            }
            rows.push(fields);
        }
        Ok(rows)
    }

    fn execute(&self, sql: &str, params: &[SqlParam<'_>]) -> Answer<u64> {
        let answer = self.statement("execute", sql, params)?;
        Ok(answer
            .long()
            .and_then(|count| u64::try_from(count).ok())
            .unwrap_or(0))
    }

    fn begin(&self) -> Answer<()> {
        self.call("begin", Vec::new()).map(drop)
    }

    fn commit(&self) -> Answer<()> {
        self.call("commit", Vec::new()).map(drop)
    }

    fn roll_back(&self) -> Answer<()> {
        self.call("rollback", Vec::new()).map(drop)
    }

    fn is_transaction_active(&self) -> Answer<bool> {
        let answer = self.call("istransactionactive", Vec::new())?;
        Ok(answer.bool().unwrap_or(true))
    }
}

fn failed(message: &str) -> SqlError {
    SqlError {
        kind: SqlErrorKind::Other,
        message: message.to_owned(),
    }
}

/// The error that the exception now thrown stands for. It is not on its way to the caller any more then.
fn caught(connection: &ZendObject) -> SqlError {
    if is_exiting() {
        // Not to be stopped: PHP code has called `exit`.
        return failed("PHP code has ended the process");
    }
    let Some(exception) = ExecutorGlobals::take_exception() else {
        return failed("the connection has thrown nothing");
    };
    let message = message_of(&exception);
    let Ok(exception) = exception.into_zval(false) else {
        return failed(&message);
    };
    let class = connection.try_call_method("classify", vec![&exception]);
    // A classification that fails is none.
    drop(ExecutorGlobals::take_exception());
    let kind = class
        .ok()
        .and_then(|class| class.str().map(SqlErrorKind::parse));
    thrown::keep(&message, exception);
    SqlError {
        kind: kind.unwrap_or(SqlErrorKind::Other),
        message,
    }
}

fn table(table: ZBox<ZendHashTable>) -> Answer<Zval> {
    table
        .into_zval(false)
        .map_err(|error| failed(&error.to_string()))
}

fn entries(zval: &Zval) -> Answer<&ZendHashTable> {
    zval.dereference()
        .array()
        .ok_or_else(|| failed("query() has returned something that is no list of rows"))
}

fn field(zval: &Zval) -> Answer<SqlField> {
    let zval = zval.dereference();
    match zval.get_type() {
        DataType::Null => Ok(SqlField::Null),
        DataType::False => Ok(SqlField::Integer(0)),
        DataType::True => Ok(SqlField::Integer(1)),
        DataType::Long => Ok(SqlField::Integer(zval.long().unwrap_or_default())),
        DataType::String => {
            let text = zval.zend_str().map(|text| text.as_bytes().to_vec());
            Ok(SqlField::Bytes(text.unwrap_or_default()))
        }
        other => Err(failed(&format!("query() has returned a {other} in a row"))),
    }
}
