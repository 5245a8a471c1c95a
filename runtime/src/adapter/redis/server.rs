//! Connections to the server that has the store's slot, and calls over them.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::{
    Client, Cmd, Connection, ConnectionAddr, ConnectionLike as _, ErrorKind,
    IntoConnectionInfo as _, Pipeline, RedisConnectionInfo, RedisError, RedisResult,
    ServerErrorKind, TlsCertificates, ToRedisArgs, Value, cmd, make_extension_error,
};

use super::fault::Circumstance;
use super::options::RedisOptions;
use super::reply::Reply;
use super::script::Known;
use crate::port::StoreError;

/// A connection that was not used for so long is asked whether it is still one. Calls of which nobody knows what became
/// of them are rare that way: a server that was restarted has mostly been so for longer.
const FRESH: Duration = Duration::from_millis(200);
/// As many are kept for later calls.
const SPARE: usize = 8;
/// More than there are entries of a millisecond.
const NUMBERS: u64 = 1 << 20;
/// How often a call follows the store's slot to another node.
const MOVES: u32 = 5;

#[derive(Debug)]
pub(super) struct Server {
    pub(super) options: RedisOptions,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Where the slot was last found.
    node: Option<(String, u16)>,
    spare: Vec<Line>,
}

/// A connection.
pub(super) struct Line {
    connection: Connection,
    node: (String, u16),
    used: Instant,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Line").field(&self.node).finish()
    }
}

/// A script with its arguments.
pub(super) struct Call {
    known: &'static Known,
    command: Cmd,
}

impl Call {
    pub(super) fn arg(&mut self, argument: impl ToRedisArgs) -> &mut Self {
        self.command.arg(argument);
        self
    }

    fn send(&self, connection: &mut Connection) -> RedisResult<Value> {
        match answer(connection, &self.command) {
            // A server that was restarted, or one the script never ran on.
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.known.script.load(connection)?;
                answer(connection, &self.command)
            }
            answer => answer,
        }
    }
}

impl Server {
    pub(super) fn new(options: RedisOptions) -> Self {
        Self {
            options,
            state: Mutex::default(),
        }
    }

    /// A call of the script, without arguments yet.
    pub(super) fn call(&self, known: &'static Known) -> Call {
        let mut command = cmd("EVALSHA");
        command
            .arg(known.script.get_hash())
            .arg(2)
            .arg(self.options.key("schema"))
            .arg(self.options.key("-"));
        Call { known, command }
    }

    /// Runs the script, in one transaction.
    pub(super) fn run(&self, operation: &'static str, call: &Call) -> Result<Reply, StoreError> {
        let repeatable = call.known.repeatable;
        let value = self.ask(operation, repeatable, |connection| call.send(connection))?;
        Ok(Reply(value))
    }

    /// The same, and waits until as many replicas have it as the options ask for.
    pub(super) fn run_durably(
        &self,
        operation: &'static str,
        call: &Call,
    ) -> Result<Reply, StoreError> {
        let repeatable = call.known.repeatable;
        let value = self.durably(operation, repeatable, |connection| call.send(connection))?;
        Ok(Reply(value))
    }

    /// Runs these commands, in one transaction and durably as scripts are. They answer nothing of interest.
    pub(super) fn transact(
        &self,
        operation: &'static str,
        commands: &Pipeline,
    ) -> Result<(), StoreError> {
        let packed = commands.get_packed_pipeline();
        // Those that begin and end it, too: the first error says why it was aborted.
        let answers = commands.len() + 2;
        self.durably(operation, false, |connection| {
            for answer in connection.req_packed_commands(&packed, 0, answers)? {
                answer.extract_error()?;
            }
            Ok(Value::Nil)
        })
        .map(drop)
    }

    fn durably(
        &self,
        operation: &'static str,
        repeatable: bool,
        write: impl Fn(&mut Connection) -> RedisResult<Value>,
    ) -> Result<Value, StoreError> {
        let wanted = self.options.replicas;
        if wanted == 0 {
            return self.ask(operation, repeatable, write);
        }
        // Below the time an answer may take, so that it comes.
        let patience = self.options.response_timeout * 3 / 4;
        let mut wait = cmd("WAIT");
        wait.arg(wanted)
            .arg(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX));
        self.ask(operation, repeatable, |connection| {
            let value = write(connection)?;
            let reached: u16 = wait.query(connection)?;
            if reached < wanted {
                let detail = format!(
                    "{reached} of {wanted} replicas have it after {patience:?}; whether it will be kept is not known"
                );
                return Err(make_extension_error("NOREPLICAS".to_owned(), Some(detail)));
            }
            Ok(value)
        })
    }

    /// Waits for an entry of the stream after `seen`, and gives the last one's place.
    pub(super) fn wait(&self, seen: u64, timeout: Duration) -> Result<u64, StoreError> {
        let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let mut read = cmd("XREAD");
        if millis > 0 {
            read.arg("BLOCK").arg(millis);
        }
        read.arg("STREAMS")
            .arg(self.options.key("wake"))
            .arg(entry_id(seen));
        let value = self.ask("wait for a change", true, |connection| {
            connection.set_read_timeout(Some(timeout + self.options.response_timeout))?;
            let answer = answer(connection, &read)?;
            connection.set_read_timeout(Some(self.options.response_timeout))?;
            Ok(answer)
        })?;
        // Of the only stream, its name and its entries; of the last one, its id and its fields.
        let mut last = Reply(value);
        for place in [0, 1, usize::MAX, 0] {
            let mut values = last.list()?;
            let place = place.min(values.len().saturating_sub(1));
            if values.is_empty() {
                return Ok(seen);
            }
            last = values.swap_remove(place);
        }
        Ok(place_of(&last.text()?).unwrap_or(seen))
    }

    /// A plain command about the server itself.
    pub(super) fn about(
        &self,
        operation: &'static str,
        command: &Cmd,
    ) -> Result<Reply, StoreError> {
        let value = self.ask(operation, true, |connection| answer(connection, command))?;
        Ok(Reply(value))
    }

    /// Asks the node that has the slot, over a connection that is there or a new one.
    fn ask(
        &self,
        operation: &'static str,
        repeatable: bool,
        question: impl Fn(&mut Connection) -> RedisResult<Value>,
    ) -> Result<Value, StoreError> {
        let mut moves = 0;
        let mut broken = false;
        loop {
            let mut line = self.line(operation)?;
            let error = match question(&mut line.connection) {
                Ok(value) => {
                    self.keep(line);
                    return Ok(value);
                }
                Err(error) => error,
            };
            let is_lost = error.is_io_error() || !line.connection.is_open();
            let circumstance = Circumstance {
                operation,
                node: &line.node,
                outcome_unknown: is_lost && !repeatable,
            };
            let fault = circumstance.error(&error);
            if is_lost {
                // The others lead to the same server.
                self.state.lock().spare.clear();
                if repeatable && !broken && !error.is_timeout() {
                    broken = true;
                    continue;
                }
                return Err(fault);
            }
            match moved_to(&error, &line.node.0) {
                Some(node) if moves < MOVES => {
                    moves += 1;
                    let mut state = self.state.lock();
                    state.spare.clear();
                    state.node = Some(node);
                }
                _ => {
                    if is_of_replica(&error) {
                        let mut state = self.state.lock();
                        state.spare.clear();
                        state.node = None;
                    } else {
                        self.keep(line);
                    }
                    return Err(fault);
                }
            }
        }
    }

    fn keep(&self, mut line: Line) {
        line.used = Instant::now();
        let mut state = self.state.lock();
        if state.spare.len() < SPARE && state.node.as_ref() == Some(&line.node) {
            state.spare.push(line);
        }
    }

    fn line(&self, operation: &'static str) -> Result<Line, StoreError> {
        loop {
            let Some(mut line) = self.state.lock().spare.pop() else {
                return self.connect(operation);
            };
            if line.used.elapsed() < FRESH || line.connection.check_connection() {
                return Ok(line);
            }
        }
    }

    /// A connection to where the slot was last, or to the first of the given nodes that can be reached.
    fn connect(&self, operation: &'static str) -> Result<Line, StoreError> {
        if let Some(name) = &self.options.sentinel {
            return self.connect_to_primary(operation, name);
        }
        let known = self.state.lock().node.clone();
        let mut fault = None;
        for node in known.iter().chain(&self.options.nodes) {
            match self.dial(node, true) {
                Ok(connection) => return Ok(self.line_to(node.clone(), connection)),
                Err(error) => {
                    let circumstance = Circumstance {
                        operation,
                        node,
                        outcome_unknown: false,
                    };
                    let error = circumstance.error(&error);
                    fault.get_or_insert(error);
                }
            }
        }
        Err(fault.unwrap_or_else(|| StoreError::Failed {
            operation,
            reason: "no server is named".to_owned(),
        }))
    }

    /// Notes that calls go to this node from now on.
    pub(super) fn line_to(&self, node: (String, u16), connection: Connection) -> Line {
        self.state.lock().node = Some(node.clone());
        Line {
            connection,
            node,
            used: Instant::now(),
        }
    }

    pub(super) fn dial(
        &self,
        (host, port): &(String, u16),
        logs_in: bool,
    ) -> RedisResult<Connection> {
        let options = &self.options;
        let mut login = RedisConnectionInfo::default();
        if logs_in {
            login = login.set_db(options.database.into());
            if let Some(user) = &options.user {
                login = login.set_username(user);
            }
            if let Some(password) = &options.password {
                login = login.set_password(password);
            }
        }
        let address = if options.tls {
            super::tls::prepare();
            ConnectionAddr::TcpTls {
                host: host.clone(),
                port: *port,
                insecure: false,
                tls_params: None,
            }
        } else {
            ConnectionAddr::Tcp(host.clone(), *port)
        };
        let info = address.into_connection_info()?.set_redis_settings(login);
        let client = match &options.ca {
            Some(file) => {
                let certificates = TlsCertificates {
                    client_tls: None,
                    root_cert: Some(std::fs::read(file)?),
                };
                Client::build_with_tls(info, certificates)?
            }
            None => Client::open(info)?,
        };
        let connection = client.get_connection_with_timeout(options.connect_timeout)?;
        connection.set_read_timeout(Some(options.response_timeout))?;
        connection.set_write_timeout(Some(options.response_timeout))?;
        Ok(connection)
    }
}

/// An entry's place among all, from its id: its millisecond and its number within that.
fn place_of(id: &str) -> Option<u64> {
    let (millis, number) = id.split_once('-')?;
    let millis: u64 = millis.parse().ok()?;
    let number: u64 = number.parse().ok()?;
    millis.checked_mul(NUMBERS)?.checked_add(number)
}

fn entry_id(place: u64) -> String {
    format!("{}-{}", place / NUMBERS, place % NUMBERS)
}

/// An error of the server is one of the call.
fn answer(connection: &mut Connection, command: &Cmd) -> RedisResult<Value> {
    connection.req_command(command)?.extract_error()
}

/// Where the slot is instead.
fn moved_to(error: &RedisError, asked: &str) -> Option<(String, u16)> {
    if error.kind() != ErrorKind::Server(ServerErrorKind::Moved) {
        return None;
    }
    let (address, _) = error.redirect_node()?;
    let (host, port) = address.rsplit_once(':')?;
    // A node that does not know its own name means the one that was asked.
    let host = if host.is_empty() { asked } else { host };
    Some((host.to_owned(), port.parse().ok()?))
}

fn is_of_replica(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown)
    )
}
