//! `Ossa\Runtime\Expression`

use ext_php_rs::prelude::*;
use ext_php_rs::types::Zval;
use ossa_runtime::expression::{Expression as Parsed, MapScope};

use crate::convert::argument::{Bytes, Table};
use crate::convert::{from_php, to_php};
use crate::error::{Answer, Fault};

/// A parsed expression: `${{ … }}` without the braces.
#[php_class]
#[php(name = "Ossa\\Runtime\\Expression", flags = ext_php_rs::flags::ClassFlags::Final)]
pub(crate) struct Expression(Parsed);

#[php_impl]
impl Expression {
    #[php(vis = "private")]
    fn __construct() -> Answer<Self> {
        Err(Fault::not_constructible())
    }

    fn parse(source: Bytes<'_>) -> Answer<Self> {
        Ok(Self(Parsed::parse(source.text("$source")?)?))
    }

    fn evaluate(&self, scope: Table<'_>) -> Answer<Zval> {
        let scope = MapScope::new(from_php::object(scope.get(), "$scope")?);
        Ok(to_php::zval(&self.0.evaluate(&scope)?)?)
    }
}
