//! `Ossa\Runtime\Store\ConformanceSuite`

use std::sync::Arc;

use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ossa_runtime::adapter::{SqlOptions, SqlStore};
use ossa_runtime::error::Error;
use ossa_runtime::port::Backend;
use ossa_runtime::testing;

use crate::convert::argument::Bytes;
use crate::error::{Answer, Fault};
use crate::store::{ConnectionArgument, PhpConnection};

/// What every store must do, for tests of a connection.
#[php_class]
#[php(name = "Ossa\\Runtime\\Store\\ConformanceSuite", flags = ClassFlags::Final)]
pub(crate) struct ConformanceSuite;

#[php_impl]
impl ConformanceSuite {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    fn cases() -> Vec<String> {
        testing::cases_of_one_thread().collect()
    }

    #[php(defaults(prefix = Bytes::from("ossa_")))]
    fn run(
        case: Bytes<'_>,
        connection: ConnectionArgument<'_>,
        prefix: Bytes<'_>,
    ) -> Answer<Option<String>> {
        let options = SqlOptions {
            prefix: prefix.text("$prefix")?.to_owned(),
            ..SqlOptions::default()
        };
        let connection = Box::new(PhpConnection::new(connection));
        let store = SqlStore::open(connection, options).map_err(Error::from)?;
        let store: Arc<dyn Backend> = Arc::new(store);
        Ok(testing::run_case(case.text("$case")?, &store).err())
    }
}
