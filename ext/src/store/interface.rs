//! `Ossa\Runtime\Store\ConnectionInterface`: what PHP code implements for a store on its connection.

use std::mem;

use ext_php_rs::args::{Arg, ArgInfoTables};
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::convert::FromZval;
use ext_php_rs::error::Result;
use ext_php_rs::flags::{ClassFlags, DataType, MethodFlags};
use ext_php_rs::types::Zval;
use ext_php_rs::zend::ClassEntry;

use crate::zend::ClassSlot;

const NAME: &str = "Ossa\\Runtime\\Store\\ConnectionInterface";

static CLASS: ClassSlot = ClassSlot::empty();

/// Registers the interface. Called from the module's startup function.
pub(crate) fn register() -> Result<()> {
    let statement = |name| {
        method(name)
            .arg(Arg::new("sql", DataType::String))
            .arg(Arg::new("params", DataType::Array))
            .arg(Arg::new("bytes", DataType::Array))
    };
    let methods = [
        method("platform").returns(DataType::String, false, false),
        statement("query").returns(DataType::Array, false, false),
        statement("execute").returns(DataType::Long, false, false),
        method("begin").returns(DataType::Void, false, false),
        method("commit").returns(DataType::Void, false, false),
        method("rollBack").returns(DataType::Void, false, false),
        method("isTransactionActive").returns(DataType::Bool, false, false),
        method("classify")
            .arg(Arg::new("exception", DataType::object("Throwable")))
            .returns(DataType::String, false, false),
    ];
    let mut interface = ClassBuilder::new(NAME).flags(ClassFlags::Interface);
    for method in methods {
        interface = interface.method(method, MethodFlags::Public | MethodFlags::Abstract);
    }
    interface.registration(park).register()
}

fn method(name: &str) -> FunctionBuilder<'static> {
    FunctionBuilder::new_abstract(name)
}

fn park(class: &'static mut ClassEntry, arguments: ArgInfoTables) {
    // PHP keeps pointing into the tables for as long as the module is loaded.
    mem::forget(arguments);
    CLASS.put(class);
}

/// An argument that implements the interface, borrowed.
#[derive(Clone, Copy)]
pub(crate) struct ConnectionArgument<'a>(pub(crate) &'a Zval);

impl<'a> FromZval<'a> for ConnectionArgument<'a> {
    const TYPE: DataType = DataType::object(NAME);

    fn from_zval(zval: &'a Zval) -> Option<Self> {
        let class = CLASS.get()?;
        zval.object()?
            .instance_of(class)
            .then_some(Self(zval.dereference()))
    }
}
