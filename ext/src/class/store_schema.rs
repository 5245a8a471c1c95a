//! `Ossa\Runtime\Store\Schema`

use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ossa_runtime::adapter::{SqlOptions, SqlStore};
use ossa_runtime::error::Error;

use crate::convert::argument::Bytes;
use crate::error::{Answer, Fault};
use crate::store::{ConnectionArgument, PhpConnection};

/// The tables of a store on a connection.
#[php_class]
#[php(name = "Ossa\\Runtime\\Store\\Schema", flags = ClassFlags::Final)]
pub(crate) struct Schema;

#[php_impl]
impl Schema {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    #[php(defaults(prefix = Bytes::from("ossa_")))]
    fn statements(connection: ConnectionArgument<'_>, prefix: Bytes<'_>) -> Answer<Vec<String>> {
        let options = SqlOptions {
            prefix: prefix.text("$prefix")?.to_owned(),
            ..SqlOptions::default()
        };
        let connection = Box::new(PhpConnection::new(connection));
        Ok(SqlStore::schema(connection, options).map_err(Error::from)?)
    }
}
