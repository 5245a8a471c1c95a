//! What a connection has thrown last: the exception that tells of it to PHP names it as the previous one.

use std::cell::RefCell;

use ext_php_rs::types::Zval;

/// An exception and its message.
struct Thrown {
    message: String,
    exception: Zval,
}

thread_local! {
    static LAST: RefCell<Option<Thrown>> = const { RefCell::new(None) };
}

/// Keeps an exception until it is told of, another one is thrown, or the request ends.
pub(super) fn keep(message: &str, exception: Zval) {
    let thrown = Thrown {
        message: message.to_owned(),
        exception,
    };
    // Dropped outside: an object's destructor is PHP code.
    let before = LAST.with(|last| last.replace(Some(thrown)));
    drop(before);
}

/// The exception that an error with this message is about, if it is one.
pub(crate) fn take(message: &str) -> Option<Zval> {
    let is_told = LAST.with_borrow(|last| {
        let thrown = last.as_ref();
        thrown.is_some_and(|thrown| !thrown.message.is_empty() && message.contains(&thrown.message))
    });
    let thrown = is_told.then(|| LAST.take()).flatten();
    thrown.map(|thrown| thrown.exception)
}

/// Lets go of the exception, while PHP can still free it.
pub(crate) fn forget() {
    drop(LAST.take());
}
