//! The PHP extension `ossa`: the OSSA runtime as PHP classes.
//!
//! No rule lives here. Methods translate arguments, call one function of `ossa_runtime` and translate the answer; errors
//! become exceptions in [`error`] and [`exception`], values cross in [`convert`], and [`process`] keeps objects in the
//! process that made them. No thread exists before the first call that needs one.

#![allow(
    missing_docs,
    reason = "what this crate exports are the entry points the macro writes"
)]

mod bound;
mod callbacks;
mod class;
mod convert;
mod error;
mod exception;
mod fork;
mod module;
mod process;
mod store;
mod zend;

use ext_php_rs::prelude::*;

#[php_module]
fn get_module(module: ModuleBuilder) -> ModuleBuilder {
    class::register(module::describe(module))
}
