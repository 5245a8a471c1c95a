//! Stores on a connection that PHP code holds open.

mod connection;
mod interface;
mod thrown;

pub(crate) use connection::PhpConnection;
pub(crate) use interface::{ConnectionArgument, register};
pub(crate) use thrown::{forget as forget_thrown, take as take_thrown};
