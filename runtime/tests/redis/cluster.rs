//! Three nodes that share the slots. A store is in one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ossa_runtime::adapter::open;
use ossa_runtime::port::Backend;
use ossa_runtime::testing::{kv_suite, queue_suite, store_queue_suite, store_suite, stream_suite};
use parking_lot::Mutex;
use redis::{Value, cmd};

use crate::fixture::{check, client, fresh, send};
use crate::sample::{at, message};
use crate::server::TestServer;
use crate::work::{Ledger, work};

fn cluster() -> Option<TestServer> {
    TestServer::start("redis-cluster")
}

fn ports(server: &TestServer) -> Vec<u16> {
    let nodes = server
        .dsn
        .trim_start_matches("redis://")
        .trim_end_matches("/0");
    let nodes = nodes.split(',');
    nodes
        .map(|it| it.rsplit_once(':').unwrap().1.parse().unwrap())
        .collect()
}

fn number(value: Value) -> i64 {
    match value {
        Value::Int(number) => number,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_cluster_passes_the_store_suite() {
    let Some(server) = cluster() else { return };
    store_suite(|| fresh(&server.dsn));
}

#[test]
fn a_cluster_passes_the_queue_suite() {
    let Some(server) = cluster() else { return };
    queue_suite(|| fresh(&server.dsn));
    store_queue_suite(|| fresh(&server.dsn));
}

#[test]
fn a_cluster_passes_the_stream_suite() {
    let Some(server) = cluster() else { return };
    stream_suite(|| fresh(&server.dsn));
}

#[test]
fn a_cluster_passes_the_key_value_suite() {
    let Some(server) = cluster() else { return };
    kv_suite(|| fresh(&server.dsn));
}

/// Whichever node is asked first, all processes find the same store, and stores with other prefixes spread over the nodes.
#[test]
fn a_store_is_found_from_every_node() {
    let Some(server) = cluster() else { return };
    let ports = ports(&server);
    for prefix in ["ossa", "a", "b", "c"] {
        for port in &ports {
            let store = open(&format!("redis://127.0.0.1:{port}?prefix={prefix}")).unwrap();
            store.publish(&[message("q", "m")], at(0)).unwrap();
        }
        let store: Arc<dyn Backend> = open(&format!("{}?prefix={prefix}", server.dsn)).unwrap();
        assert_eq!(store.count("q", at(0)).unwrap().ready, 3);
    }
    let sizes = ports
        .iter()
        .map(|port| number(send(&mut client(*port), "DBSIZE")));
    assert!(sizes.filter(|keys| *keys > 0).count() > 1);
}

/// While a slot is on its way, half of its keys are here and half there. Calls are refused until it has arrived, and
/// then find it.
#[test]
fn a_slot_is_moved_under_the_workers_without_losing_anything() {
    let Some(server) = cluster() else { return };
    let ports = ports(&server);
    let ledger = Mutex::new(Ledger::default());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for seed in 1..=2 {
            let store = open(&server.dsn).unwrap();
            let (ledger, done) = (&ledger, &done);
            scope.spawn(move || work(&store, ledger, seed, || !done.load(Ordering::Relaxed)));
        }
        for moves in 1..=2 {
            while ledger.lock().acked.len() < moves * 100 {
                thread::sleep(Duration::from_millis(2));
            }
            move_slot(&ports, &ledger);
        }
        let acked = ledger.lock().acked.len();
        while ledger.lock().acked.len() < acked + 50 {
            thread::sleep(Duration::from_millis(2));
        }
        done.store(true, Ordering::Relaxed);
    });
    let store = open(&server.dsn).unwrap();
    assert_eq!(check(store.as_ref()), 6);
    ledger.into_inner().compare(store.as_ref(), Instant::now());
}

/// Moves the store's slot to the next node, as `redis-cli --cluster reshard` does.
fn move_slot(ports: &[u16], ledger: &Mutex<Ledger>) {
    let mut nodes: Vec<_> = ports.iter().map(|port| client(*port)).collect();
    let slot = number(send(&mut nodes[0], "CLUSTER KEYSLOT {ossa}:"));
    let count = format!("CLUSTER COUNTKEYSINSLOT {slot}");
    let from = (0..3)
        .find(|it| number(send(&mut nodes[*it], &count)) > 0)
        .unwrap();
    let to = (from + 1) % 3;
    let ids: Vec<String> = nodes
        .iter_mut()
        .map(|it| cmd("CLUSTER").arg("MYID").query(it).unwrap())
        .collect();
    let importing = format!("CLUSTER SETSLOT {slot} IMPORTING {}", ids[from]);
    send(&mut nodes[to], &importing);
    let migrating = format!("CLUSTER SETSLOT {slot} MIGRATING {}", ids[to]);
    send(&mut nodes[from], &migrating);
    let refused = ledger.lock().refused;
    let mut pieces = 0;
    loop {
        let keys: Vec<String> = cmd("CLUSTER")
            .arg("GETKEYSINSLOT")
            .arg(slot)
            .arg(20)
            .query(&mut nodes[from])
            .unwrap();
        if keys.is_empty() {
            break;
        }
        let mut migrate = cmd("MIGRATE");
        migrate
            .arg("127.0.0.1")
            .arg(ports[to])
            .arg("")
            .arg(0)
            .arg(5000)
            .arg("KEYS");
        migrate.arg(keys).exec(&mut nodes[from]).unwrap();
        pieces += 1;
        // In the middle of it, for as long as it takes the workers to notice.
        while pieces == 2 && ledger.lock().refused < refused + 4 {
            thread::sleep(Duration::from_millis(5));
        }
    }
    let settled = format!("CLUSTER SETSLOT {slot} NODE {}", ids[to]);
    send(&mut nodes[to], &settled);
    send(&mut nodes[from], &settled);
}
