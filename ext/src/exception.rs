//! The tree of exceptions, as PHP classes without a Rust object behind them.
//!
//! An exception class with a Rust object has no file, line or trace, and PHP code cannot extend it. These are plain
//! internal classes: the engine of PHP creates them, so all three are those of the call that failed, and what they carry
//! beyond the message sits in private properties of the base class, which the getters read.

use std::mem;
use std::panic::AssertUnwindSafe;

use ext_php_rs::args::ArgInfoTables;
use ext_php_rs::boxed::ZBox;
use ext_php_rs::builders::{ClassBuilder, ClassProperty, FunctionBuilder};
use ext_php_rs::convert::IntoZval;
use ext_php_rs::error::Result;
use ext_php_rs::exception::PhpException;
use ext_php_rs::flags::{ClassFlags, DataType, MethodFlags, PropertyFlags};
use ext_php_rs::types::{ZendHashTable, ZendObject, Zval};
use ext_php_rs::zend::{ClassEntry, ExecuteData, ce, run_handler};

use ossa_runtime::error::{Category, Error};

use crate::class::diagnostic::Diagnostic;
use crate::error::Fault;
use crate::store;
use crate::zend::{ClassSlot, property, runtime_exception, set_property};

/// Places in [`CLASSES`].
mod place {
    pub(super) const INTERFACE: usize = 0;
    pub(super) const BASE: usize = 1;
    pub(super) const MANIFEST: usize = 2;
    pub(super) const INPUT: usize = 3;
    pub(super) const ENGINE: usize = 4;
    pub(super) const TOKEN: usize = 5;
    pub(super) const STORE: usize = 6;
    pub(super) const TRANSPORT: usize = 7;
    pub(super) const EXPRESSION: usize = 8;
    pub(super) const ARGUMENT: usize = 9;
    pub(super) const PROCESS: usize = 10;
    pub(super) const COUNT: usize = 11;
}

static CLASSES: [ClassSlot; place::COUNT] = [const { ClassSlot::empty() }; place::COUNT];

const PROCESS_CODE: &str = "OSSA-X001";

/// Private properties of the base class.
mod field {
    pub(super) const CODE: &str = "errorCode";
    pub(super) const HELP: &str = "help";
    pub(super) const RETRYABLE: &str = "retryable";
    pub(super) const DIAGNOSTICS: &str = "diagnostics";
    pub(super) const VIOLATIONS: &str = "violations";
    pub(super) const RUN: &str = "runId";
    pub(super) const STEP: &str = "step";
    pub(super) const OFFSET: &str = "offset";

    pub(super) const ALL: [&str; 8] = [
        CODE,
        HELP,
        RETRYABLE,
        DIAGNOSTICS,
        VIOLATIONS,
        RUN,
        STEP,
        OFFSET,
    ];
}

/// Registers the tree. Called from the module's startup function, before the other classes.
pub(crate) fn register() -> Result<()> {
    interface().register()?;
    base().register()?;
    leaf::<{ place::MANIFEST }>("ManifestException")
        .method(diagnostics(), MethodFlags::Public)
        .register()?;
    leaf::<{ place::INPUT }>("InputException")
        .method(violations(), MethodFlags::Public)
        .register()?;
    leaf::<{ place::ENGINE }>("EngineException")
        .method(run_id(), MethodFlags::Public)
        .method(step(), MethodFlags::Public)
        .register()?;
    leaf::<{ place::TOKEN }>("TokenException").register()?;
    leaf::<{ place::STORE }>("StoreException").register()?;
    leaf::<{ place::TRANSPORT }>("TransportException").register()?;
    leaf::<{ place::EXPRESSION }>("ExpressionException")
        .method(offset(), MethodFlags::Public)
        .register()?;
    leaf::<{ place::ARGUMENT }>("ArgumentException").register()?;
    leaf::<{ place::PROCESS }>("ProcessException").register()
}

fn interface() -> ClassBuilder {
    let methods = MethodFlags::Public | MethodFlags::Abstract;
    ClassBuilder::new("Ossa\\Runtime\\Exception\\ExceptionInterface")
        .flags(ClassFlags::Interface)
        .implements((ce::throwable, "\\Throwable"))
        .method(
            FunctionBuilder::new_abstract("getErrorCode").returns(DataType::String, false, false),
            methods,
        )
        .method(
            FunctionBuilder::new_abstract("getHelp").returns(DataType::String, false, true),
            methods,
        )
        .method(
            FunctionBuilder::new_abstract("isRetryable").returns(DataType::Bool, false, false),
            methods,
        )
        .registration(park::<{ place::INTERFACE }>)
}

fn base() -> ClassBuilder {
    let mut class = ClassBuilder::new("Ossa\\Runtime\\Exception\\OssaException")
        .flags(ClassFlags::Abstract)
        .extends((runtime_exception, "\\RuntimeException"))
        .implements((entry::<{ place::INTERFACE }>, "ExceptionInterface"))
        .method(error_code(), MethodFlags::Public)
        .method(help(), MethodFlags::Public)
        .method(is_retryable(), MethodFlags::Public)
        .registration(park::<{ place::BASE }>);
    for name in field::ALL {
        class = class.property(ClassProperty {
            name: name.to_owned(),
            flags: PropertyFlags::Private,
            default: None,
            docs: &[],
            ty: None,
            nullable: true,
            readonly: false,
            default_stub: None,
        });
    }
    class
}

fn leaf<const PLACE: usize>(name: &str) -> ClassBuilder {
    ClassBuilder::new(format!("Ossa\\Runtime\\Exception\\{name}"))
        .extends((entry::<{ place::BASE }>, "OssaException"))
        .registration(park::<PLACE>)
}

fn park<const PLACE: usize>(class: &'static mut ClassEntry, arguments: ArgInfoTables) {
    // PHP keeps pointing into the tables for as long as the module is loaded.
    mem::forget(arguments);
    if let Some(slot) = CLASSES.get(PLACE) {
        slot.put(class);
    }
}

fn entry<const PLACE: usize>() -> &'static ClassEntry {
    at(PLACE)
}

fn at(number: usize) -> &'static ClassEntry {
    CLASSES
        .get(number)
        .and_then(ClassSlot::get)
        .unwrap_or_else(ce::exception)
}

impl From<Fault> for PhpException {
    fn from(fault: Fault) -> Self {
        match fault {
            // Throwing while an exception is on its way does nothing, so this text is never seen.
            Fault::Thrown => Self::from_message(String::new()),
            Fault::ForeignProcess { made_in, used_in } => foreign_process(made_in, used_in),
            Fault::Runtime(error) => of_runtime(&error),
        }
    }
}

fn foreign_process(made_in: u32, used_in: u32) -> PhpException {
    let message =
        format!("this object belongs to process {made_in} and was used in process {used_in}");
    let mut exception = Throwable::new(place::PROCESS, message);
    exception.set(field::CODE, PROCESS_CODE);
    exception.set(
        field::HELP,
        "open a new one in the child after pcntl_fork()",
    );
    exception.finish()
}

fn of_runtime(error: &Error) -> PhpException {
    let class = match error.category() {
        Category::Manifest => place::MANIFEST,
        Category::Input => place::INPUT,
        Category::Token => place::TOKEN,
        Category::Store => place::STORE,
        Category::Transport => place::TRANSPORT,
        Category::Expression => place::EXPRESSION,
        Category::Argument => place::ARGUMENT,
        _ => place::ENGINE,
    };
    let mut exception = Throwable::new(class, error.message().to_owned());
    exception.set(field::CODE, error.code());
    exception.set(field::HELP, error.help());
    exception.set(field::RETRYABLE, error.is_retryable());
    exception.set(field::RUN, error.run().map(|run| run.to_string()));
    exception.set(field::STEP, error.step());
    exception.set(
        field::OFFSET,
        error.offset().and_then(|offset| i64::try_from(offset).ok()),
    );
    exception.set(field::VIOLATIONS, error.violations().to_vec());
    if let Some(previous) = store::take_thrown(error.message()) {
        set_property(ce::exception(), &mut exception.object, "previous", previous);
    }
    let findings = error.diagnostics().iter().cloned().map(Diagnostic::from);
    exception.set(field::DIAGNOSTICS, findings.collect::<Vec<_>>());
    exception.finish()
}

/// An exception being filled.
struct Throwable {
    class: &'static ClassEntry,
    object: ZBox<ZendObject>,
    message: String,
}

impl Throwable {
    /// The object of the class at that place. PHP notes file, line and trace when it makes it.
    fn new(place: usize, message: String) -> Self {
        let class = at(place);
        let mut object = ZendObject::new(class);
        set_property(ce::exception(), &mut object, "message", message.as_str());
        Self {
            class,
            object,
            message,
        }
    }

    fn set(&mut self, field: &str, value: impl IntoZval) {
        set_property(at(place::BASE), &mut self.object, field, value);
    }

    fn finish(self) -> PhpException {
        let exception = PhpException::new(self.message, 0, self.class);
        match self.object.into_zval(false) {
            Ok(object) => exception.with_object(object),
            Err(_) => exception,
        }
    }
}

/// A method `$name` that answers the property, or `$absent` where PHP code made the exception itself.
macro_rules! getter {
    ($function:ident, $name:literal, $property:expr, $type:expr, $nullable:expr, $absent:expr) => {
        fn $function() -> FunctionBuilder<'static> {
            ext_php_rs::zend_fastcall! {
                extern fn handler(call: &mut ExecuteData, answer: &mut Zval) {
                    run_handler(AssertUnwindSafe(|| {
                        if call.parser().parse().is_err() {
                            return;
                        }
                        let value = call.get_self().map_or_else(Zval::new, |object| property(at(place::BASE), object, $property));
                        *answer = if value.is_null() {
                            $absent.into_zval(false).unwrap_or_else(|_| Zval::new())
                        } else {
                            value
                        };
                    }));
                }
            }
            FunctionBuilder::new($name, handler).returns($type, false, $nullable)
        }
    };
}

use DataType::{Array, Bool, Long, String as Text};

getter!(error_code, "getErrorCode", field::CODE, Text, false, "");
getter!(help, "getHelp", field::HELP, Text, true, ());
getter!(
    is_retryable,
    "isRetryable",
    field::RETRYABLE,
    Bool,
    false,
    false
);
getter!(
    diagnostics,
    "getDiagnostics",
    field::DIAGNOSTICS,
    Array,
    false,
    ZendHashTable::new()
);
getter!(
    violations,
    "getViolations",
    field::VIOLATIONS,
    Array,
    false,
    ZendHashTable::new()
);
getter!(run_id, "getRunId", field::RUN, Text, true, ());
getter!(step, "getStep", field::STEP, Text, true, ());
getter!(offset, "getOffset", field::OFFSET, Long, false, 0_i64);
